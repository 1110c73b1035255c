import type { MemorySample } from './protocol.ts'

/** What an outage did to the memory of the process that offers. */
export class MemoryAccount {
  readonly #buffer: number
  #rssBefore = 0
  #rssMost = 0
  #bufferedMost = 0
  #isAway = false
  #liveWhenFull: number | undefined
  #liveMost = 0

  /** @param buffer messages that the publish buffer holds */
  constructor(buffer: number) {
    this.#buffer = buffer
  }

  /** What it has needed so far it needs without an outage. */
  begin(): void {
    this.#rssBefore = this.#rssMost
    this.#isAway = true
  }

  /** The broker comes back: from here on the buffer empties itself, which takes memory of its own. */
  end(): void {
    this.#isAway = false
  }

  add({ rssBytes, liveBytes, buffered }: MemorySample): void {
    this.#rssMost = Math.max(this.#rssMost, rssBytes)
    this.#bufferedMost = Math.max(this.#bufferedMost, buffered.bytes)
    if (!this.#isAway || buffered.messages < this.#buffer) return
    this.#liveWhenFull ??= liveBytes
    this.#liveMost = Math.max(this.#liveMost, liveBytes)
  }

  get rssBytes(): number {
    return this.#rssMost
  }

  get grownBytes(): number {
    return this.#rssMost - this.#rssBefore
  }

  /** The most that waited in the buffer: bodies and headers. */
  get bufferedBytes(): number {
    return this.#bufferedMost
  }

  /** By how much what is in use grew during the outage once the buffer was full. */
  get creptBytes(): number {
    return this.#liveWhenFull === undefined ? 0 : this.#liveMost - this.#liveWhenFull
  }
}
