import { HttpStatusError, type Instance } from '@comm/core'
import { Client } from 'undici'
import type { ServiceTls } from './service-tls.ts'

/** Asks an instance whether it is well, on a connection of its own: one that is refused tells more than one that was kept. */
export function probeWith(
  protocol: 'http' | 'https',
  path: string,
  tls: ServiceTls | undefined,
): (instance: Instance, signal: AbortSignal) => Promise<void> {
  return async ({ id, host, port }, signal) => {
    const at = host.includes(':') ? `[${host}]` : host
    const client = new Client(`${protocol}://${at}:${port}`, {
      ...(tls === undefined ? {} : { connect: { ...tls.current } }),
    })
    try {
      const { statusCode, body } = await client.request({ method: 'GET', path, signal, headers: { connection: 'close' } })
      await body.dump()
      if (statusCode < 200 || statusCode > 299)
        throw new HttpStatusError(`the health check GET ${path} of ${id} was answered ${statusCode}`, { status: statusCode })
    } finally {
      await client.destroy()
    }
  }
}
