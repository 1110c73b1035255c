import type { Socket } from 'node:net'
import { type Clock, systemClock, type Timer } from '@comm/core'
import type { FaultState } from './faults.ts'

/** A throttled lane passes what it may in pieces of this duration. */
const SLICE_MS = 20
/** More than this waiting, and the sender is told to wait: a proxy that swallows everything hides the back pressure. */
const MOST_WAITING_BYTES = 1024 * 1024

interface Waiting {
  readonly bytes: Buffer
  readonly receivedAt: number
}

/** One way of one connection: bytes are passed on in order, as late, as slowly or as not at all as the faults say. */
export class Lane {
  readonly #from: Socket
  readonly #to: Socket
  readonly #faults: FaultState
  readonly #clock: Clock
  readonly #forget: () => void
  #queue: Waiting[] = []
  #waitingBytes = 0
  #timer: Timer | undefined
  /** When the throttle lets the next byte pass. */
  #freeAt = 0
  #fromEnded = false
  #closed = false

  constructor(from: Socket, to: Socket, faults: FaultState, clock: Clock = systemClock) {
    this.#from = from
    this.#to = to
    this.#faults = faults
    this.#clock = clock
    this.#forget = faults.onChange(() => this.#pass())
    from.on('data', (bytes) => this.#receive(bytes))
    from.on('end', () => {
      this.#fromEnded = true
      this.#pass()
    })
    to.on('drain', () => this.#pass())
  }

  /** Passes nothing any more, and drops what was waiting. */
  close(): void {
    this.#closed = true
    this.#forget()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#queue = []
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return
    this.#queue.push({ bytes, receivedAt: this.#clock.now() })
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#from.pause()
    this.#pass()
  }

  #pass(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#closed) return
    while (!this.#faults.current.halfOpen && !this.#to.writableNeedDrain) {
      const next = this.#queue[0]
      if (next === undefined) break
      const { delayMs, bytesPerSecond } = this.#faults.current
      const now = this.#clock.now()
      const waitMs = Math.max(next.receivedAt + delayMs, bytesPerSecond === Number.POSITIVE_INFINITY ? 0 : this.#freeAt) - now
      if (waitMs > 0) {
        this.#timer = this.#clock.setTimer(waitMs, () => this.#pass())
        return
      }
      this.#send(next, bytesPerSecond, now)
    }
    if (this.#fromEnded && this.#queue.length === 0 && !this.#faults.current.halfOpen) this.#to.end()
  }

  #send(next: Waiting, bytesPerSecond: number, now: number): void {
    const most = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1000))
    const piece = next.bytes.subarray(0, most)
    if (piece.length === next.bytes.length) this.#queue.shift()
    else this.#queue[0] = { bytes: next.bytes.subarray(most), receivedAt: next.receivedAt }
    this.#freeAt = now + (piece.length / bytesPerSecond) * 1000
    this.#waitingBytes -= piece.length
    if (this.#waitingBytes <= MOST_WAITING_BYTES && this.#from.isPaused()) this.#from.resume()
    this.#to.write(piece)
  }
}
