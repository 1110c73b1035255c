import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceUnavailableError } from '@comm/core'

/** Where a server is asked whether it answers. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Asks a server in its own protocol. @returns its version, `unknown` if it does not tell @throws if it is not ready */
export type Ping = (endpoint: Endpoint, signal: AbortSignal) => Promise<string>

const PAUSE_MS = 50
/** A single ping that takes longer is asked again. */
const PING_LIMIT_MS = 2_000

/**
 * Pings until one is answered.
 *
 * @param gone says how the server ended, if it did: no use to wait on
 * @throws ServiceUnavailableError with the last answer
 */
export async function waitUntilReady(
  what: string,
  endpoint: Endpoint,
  ping: Ping,
  limitMs: number,
  gone: () => string | undefined = () => undefined,
): Promise<string> {
  const deadline = performance.now() + limitMs
  for (;;) {
    try {
      return await ping(endpoint, AbortSignal.timeout(PING_LIMIT_MS))
    } catch (error) {
      const ended = gone()
      if (ended !== undefined) throw new ServiceUnavailableError(`${what} ${ended} before it answered`, { cause: error })
      if (performance.now() > deadline) {
        const { host, port } = endpoint
        const message = `${what} on ${host}:${port} did not answer within ${limitMs} ms: ${(error as Error).message}`
        throw new ServiceUnavailableError(message, { cause: error })
      }
    }
    await sleep(PAUSE_MS)
  }
}
