import { connect } from 'node:net'
import type { Endpoint } from '../process/wait-until-ready.ts'

/**
 * Sends bytes on a connection of its own and collects the answer until `complete` finds what it looks for in it.
 *
 * @throws Error if the connection fails, ends early or the signal aborts
 */
export function exchange<Answer>(
  { host, port }: Endpoint,
  request: Uint8Array | string,
  complete: (answer: Buffer) => Answer | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const socket = connect({ host, port, signal })
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    try {
      const answer = complete(received)
      if (answer !== undefined) resolve(answer)
    } catch (error) {
      reject(error)
    }
  })
  socket.once('error', reject)
  socket.once('close', () => reject(new Error(`${host}:${port} closed the connection without an answer`)))
  socket.write(request)
  return promise.finally(() => {
    socket.on('error', () => undefined)
    socket.destroy()
  })
}
