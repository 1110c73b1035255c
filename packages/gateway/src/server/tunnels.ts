import type { Socket } from 'node:net'

/** Connections that speak another protocol by now, or are about to: Node's server knows nothing of them any more. */
export class Tunnels {
  readonly #sockets = new Set<Socket>()
  readonly #waiting = new Set<() => void>()

  /** @param onClose is called once */
  add(socket: Socket, onClose: () => void): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) for (const resolve of this.#waiting) resolve()
      onClose()
    })
  }

  /** Resolves when there is none left. @throws the reason of the signal */
  drain(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#sockets.size === 0) return resolve()
      const end = (): void => {
        this.#waiting.delete(end)
        signal.removeEventListener('abort', end)
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      this.#waiting.add(end)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  /** Cuts them. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
