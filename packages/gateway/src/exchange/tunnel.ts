import type { Socket } from 'node:net'

/** As long a silence makes TCP ask whether the other side is still there. */
const KEEP_ALIVE_MS = 60_000
/** The longest timer of Node. */
const LONGEST_MS = 2_147_483_647

/**
 * Joins both sides until one of them ends, and lets what was on its way arrive. An open tunnel may be silent as long as it likes.
 * @param idleMs how long a side may be silent once the other has ended
 */
export function joinSockets(client: Socket, service: Socket, idleMs: number): void {
  const limit = (socket: Socket): void => {
    if (idleMs !== Number.POSITIVE_INFINITY) socket.setTimeout(Math.min(idleMs, LONGEST_MS), () => socket.destroy())
  }
  client.setKeepAlive(true, KEEP_ALIVE_MS)
  client.pipe(service)
  service.pipe(client)
  client.once('end', () => limit(service))
  service.once('end', () => {
    // The socket to it ends with it: what the client still says can go nowhere, but cutting it off might cost it what is on its way to it.
    client.unpipe(service)
    client.resume()
    limit(client)
  })
  service.on('error', () => client.destroy())
  service.once('close', () => {
    if (!service.readableEnded) client.destroy()
  })
  client.once('close', () => {
    if (client.readableEnded) service.destroySoon()
    else service.destroy()
  })
}
