import { describeEndpoint, HttpStatusError } from '@comm/core'
import { TIMEOUT_DEFAULTS } from '../client-options.ts'
import type { TlsSource } from '../client-tls.ts'
import type { HttpTransport } from '../transport.ts'
import { displayUrl } from '../url.ts'
import type { Probe } from './services.ts'

const LONGEST_ANSWER_BYTES = 1 << 20

export interface ProbeParts {
  readonly transport: HttpTransport
  readonly protocol: string
  readonly host: string | undefined
  readonly tls: TlsSource | undefined
}

/** Health checks over a client's own transport: a GET, past every policy; below 400 is well. */
export function probeOver({ transport, protocol, host, tls }: ProbeParts): Probe {
  return (path) => async (instance, signal) => {
    const url = new URL(`${protocol}//${describeEndpoint(instance)}${path}`)
    const request = {
      method: 'GET',
      url,
      headers: { accept: '*/*', 'user-agent': '@comm/http', ...(host === undefined ? {} : { host }) },
      collect: 'bytes',
      maxBytes: LONGEST_ANSWER_BYTES,
      timeouts: TIMEOUT_DEFAULTS,
      deadlineAt: Number.POSITIVE_INFINITY,
      ...(tls === undefined ? {} : { tls: tls.current }),
    } as const
    const { status } = await transport.send(request, signal)
    if (status >= 400) throw new HttpStatusError(`the health check GET ${displayUrl(url)} was answered ${status}`, { status })
  }
}
