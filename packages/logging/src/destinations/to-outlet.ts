import { type Clock, pause, type Timer } from '@comm/core'
import { atProcessEnd, sayOnStandardError } from './at-process-end.ts'
import { type Backlog, type Destination, type LossLine, lossReporter } from './destination.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Outlet } from './outlet.ts'

export interface OutletOptions {
  readonly clock: Clock
  readonly maxBufferedBytes: number
  readonly flushMs: number
}

const FIRST_RETRY_MS = 2
const LONGEST_RETRY_MS = 250
const LAST_FLUSH_RETRY_MS = 5

/**
 * Hands each line to the operating system before the call returns, so that no end of the process can lose it. What an outlet does not take
 * at once waits in bounded memory, and is written synchronously when the process ends. What has no room there is dropped, counted, and
 * said in a line as soon as there is room.
 */
export class ToOutlet implements Destination {
  readonly #options: OutletOptions
  readonly #outlet: Outlet
  readonly #lossLine: LossLine
  readonly #waiting: LineBuffer
  readonly #reportBroken: (thrown: unknown) => void
  #broken = false
  #dropped = 0
  /** Dropped since the last line that said so. */
  #unsaid = 0
  #retry: Timer | undefined
  #retryMs = FIRST_RETRY_MS
  #stopWatching: (() => void) | undefined

  constructor(outlet: Outlet, options: OutletOptions, lossLine: LossLine) {
    this.#outlet = outlet
    this.#options = options
    this.#lossLine = lossLine
    this.#waiting = new LineBuffer(options.maxBufferedBytes)
    this.#reportBroken = lossReporter(outlet.name)
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    const isFree = this.#waiting.bytes === 0 && this.#unsaid === 0
    const taken = isFree ? this.#hand(bytes) : 0
    if (taken === bytes.length) return
    if (this.#broken) this.#dropped += 1
    else if (taken > 0) this.#waiting.appendAnyway(bytes.subarray(taken))
    else if (!this.#keep(bytes)) this.#keepOrDrop(bytes)
    if (this.#retry === undefined && this.#waiting.bytes > 0) this.#waitForRoom()
  }

  async flush(): Promise<void> {
    const { clock, flushMs } = this.#options
    const until = clock.now() + flushMs
    while (!this.#drain() && clock.now() < until) await pause(clock, FIRST_RETRY_MS)
  }

  release(): void {
    if (!this.#drain()) this.#sayWhatIsLost()
    this.#waiting.clear()
    this.#rest()
    this.#broken = true
    this.#outlet.close()
  }

  backlog(): Backlog {
    return { bufferedBytes: this.#waiting.bytes, droppedLines: this.#dropped }
  }

  #keepOrDrop(bytes: Uint8Array): void {
    this.#drain()
    if (this.#keep(bytes)) return
    this.#dropped += 1
    this.#unsaid += 1
  }

  /** After a loss not before half of the room is free again, or every other line would be one about lines that were lost. */
  #keep(bytes: Uint8Array): boolean {
    if (this.#unsaid > 0) {
      if (this.#waiting.bytes > this.#options.maxBufferedBytes / 2) return false
      this.#sayLoss()
    }
    return this.#waiting.append(bytes)
  }

  #sayLoss(): void {
    this.#waiting.appendAnyway(Buffer.from(`${this.#lossLine(this.#unsaid)}\n`))
    this.#unsaid = 0
  }

  /** @returns how much was taken */
  #hand(bytes: Uint8Array): number {
    if (this.#broken) return 0
    try {
      return this.#outlet.write(bytes)
    } catch (thrown) {
      this.#broken = true
      this.#reportBroken(thrown)
      return 0
    }
  }

  /** @returns true when nothing waits any more */
  #drain(): boolean {
    while (!this.#broken) {
      const bytes = this.#waiting.oldest()
      if (bytes === undefined) {
        if (this.#unsaid === 0) break
        this.#sayLoss()
        continue
      }
      const taken = this.#hand(bytes)
      if (taken === 0) break
      this.#waiting.remove(taken)
      this.#retryMs = FIRST_RETRY_MS
    }
    if (this.#broken) {
      this.#dropped += this.#waiting.lines()
      this.#waiting.clear()
    }
    if (this.#waiting.bytes > 0) return false
    this.#rest()
    return true
  }

  #waitForRoom(): void {
    this.#stopWatching ??= atProcessEnd({ flush: () => this.#lastFlush(), onSignals: true })
    this.#retry = this.#options.clock.setTimer(this.#retryMs, () => {
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
      if (!this.#drain()) this.#waitForRoom()
    })
    // When nothing else is left to do, the end of the process writes what waits.
    this.#retry.unref?.()
  }

  #rest(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#retryMs = FIRST_RETRY_MS
    this.#stopWatching?.()
    this.#stopWatching = undefined
  }

  #lastFlush(): void {
    const until = performance.now() + this.#options.flushMs
    while (!this.#drain() && performance.now() < until) block(LAST_FLUSH_RETRY_MS)
    if (this.#waiting.bytes > 0) this.#sayWhatIsLost()
  }

  #sayWhatIsLost(): void {
    const lost = this.#waiting.lines() + this.#unsaid
    sayOnStandardError(`${lost} log lines are lost: ${this.#outlet.name} took none for ${this.#options.flushMs} ms`)
  }
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
