import { connect, type Socket } from 'node:net'
import type { FaultState } from './faults.ts'
import { Lane } from './lane.ts'
import type { FaultProxyTarget } from './options.ts'

/** A client's socket and the one to the target, joined by two lanes. Whatever ends one ends the other in the same way. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #target: Socket
  readonly #lanes: readonly Lane[]

  constructor(client: Socket, target: FaultProxyTarget, faults: FaultState, onClose: () => void) {
    this.#client = client
    this.#target = connect({ ...target, allowHalfOpen: true })
    const sockets = [client, this.#target]
    this.#lanes = [new Lane(client, this.#target, faults), new Lane(this.#target, client, faults)]
    let open = sockets.length
    for (const socket of sockets) {
      socket.setNoDelay(true)
      socket.on('error', () => this.reset())
      socket.once('close', () => {
        if (--open > 0) return
        for (const lane of this.#lanes) lane.close()
        onClose()
      })
    }
  }

  /** FIN to both sides; what was waiting is lost. A side that takes nothing any more is reset, or it would never end. */
  cut(): void {
    for (const lane of this.#lanes) lane.close()
    for (const socket of [this.#client, this.#target]) {
      if (socket.connecting || socket.writableLength > 0) socket.resetAndDestroy()
      else socket.end(() => socket.destroy())
    }
  }

  /** RST to both sides. */
  reset(): void {
    for (const lane of this.#lanes) lane.close()
    for (const socket of [this.#client, this.#target]) socket.resetAndDestroy()
  }
}
