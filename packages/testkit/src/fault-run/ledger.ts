import type { JournalEvent } from './journal.ts'

export interface LedgerTotals {
  readonly published: number
  readonly confirmed: number
  /** Handled with success, or found among the dead letters. */
  readonly delivered: number
  /** Confirmed, and never delivered. */
  readonly lost: number
  /** Deliveries of messages that had been handled already. */
  readonly duplicates: number
  /** The duplicates that deduplication let through. */
  readonly duplicatesAfterDedup: number
  /**
   * Messages whose first handling began before any handling of the message before it in its key ended. A handling whose process died
   * or lost its assignment ended with that.
   */
  readonly outOfOrder: number
}

interface OpenHandling {
  readonly message: number
  readonly askedAt: number
}

/** Keeps account of every message of a run, from what all processes tell. Events of different processes may come in any order. */
export class Ledger {
  readonly #keys: number
  readonly #offered: Uint8Array
  readonly #confirmed: Uint8Array
  readonly #successes: Uint16Array
  readonly #buried: Uint8Array
  readonly #firstBegun: Float64Array
  readonly #firstEnded: Float64Array
  readonly #open = new Map<string, Map<number, OpenHandling>>()
  #published = 0
  #confirmedCount = 0
  #delivered = 0
  #deduplicated = 0

  /** @param size messages of the run; message i has key i modulo `keys` */
  constructor(size: number, keys: number) {
    this.#keys = keys
    this.#offered = new Uint8Array(size)
    this.#confirmed = new Uint8Array(size)
    this.#successes = new Uint16Array(size)
    this.#buried = new Uint8Array(size)
    this.#firstBegun = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
    this.#firstEnded = new Float64Array(size).fill(Number.POSITIVE_INFINITY)
  }

  get confirmed(): number {
    return this.#confirmedCount
  }

  get delivered(): number {
    return this.#delivered
  }

  /** @param source the journal that the event is from */
  record(source: string, event: JournalEvent): void {
    switch (event[0]) {
      case 'offered':
        this.#published += this.#mark(this.#offered, this.#index(event[2], event[3]))
        break
      case 'confirmed':
        this.#confirmedCount += this.#mark(this.#confirmed, this.#index(event[2], event[3]))
        break
      case 'buried':
        this.#bury(this.#index(event[2], event[3]))
        break
      case 'asked':
        this.#openOf(source).set(event[4], { message: this.#index(event[2], event[3]), askedAt: event[1] })
        break
      case 'begun':
        lower(this.#firstBegun, this.#index(event[2], event[3]), event[1])
        break
      case 'ended':
        this.#end(source, event)
    }
  }

  /** Ends every handling of a process that died; one that was still asking may have been granted. */
  died(source: string, at: number): void {
    for (const { message, askedAt } of this.#openOf(source).values()) {
      lower(this.#firstBegun, message, askedAt)
      lower(this.#firstEnded, message, at)
    }
    this.#open.delete(source)
  }

  totals(): LedgerTotals {
    let lost = 0
    let repeated = 0
    let outOfOrder = 0
    for (const [message, confirmed] of this.#confirmed.entries()) {
      const successes = this.#successes[message] ?? 0
      if (confirmed === 1 && successes === 0 && this.#buried[message] === 0) lost++
      if (successes > 1) repeated += successes - 1
      if (this.#overtook(message)) outOfOrder++
    }
    return {
      published: this.#published,
      confirmed: this.#confirmedCount,
      delivered: this.#delivered,
      lost,
      duplicates: this.#deduplicated + repeated,
      duplicatesAfterDedup: repeated,
      outOfOrder,
    }
  }

  #end(source: string, [, at, handling, how]: JournalEvent & readonly ['ended', ...unknown[]]): void {
    const open = this.#openOf(source)
    const message = open.get(handling)?.message
    if (message === undefined) return
    open.delete(handling)
    if (how === 'done') this.#deduplicated++
    if (how === 'done' || how === 'busy') return
    lower(this.#firstEnded, message, at)
    if (how !== 'ok') return
    if (this.#successes[message] === 0 && this.#buried[message] === 0) this.#delivered++
    this.#successes[message] = (this.#successes[message] ?? 0) + 1
  }

  #bury(message: number): void {
    if (this.#successes[message] === 0 && this.#buried[message] === 0) this.#delivered++
    this.#buried[message] = 1
  }

  #overtook(message: number): boolean {
    if (message < this.#keys) return false
    const begun = this.#firstBegun[message] ?? Number.POSITIVE_INFINITY
    return begun < (this.#firstEnded[message - this.#keys] ?? Number.POSITIVE_INFINITY)
  }

  #mark(flags: Uint8Array, message: number): 0 | 1 {
    if (flags[message] === 1) return 0
    flags[message] = 1
    return 1
  }

  #index(key: number, n: number): number {
    return n * this.#keys + key
  }

  #openOf(source: string): Map<number, OpenHandling> {
    const known = this.#open.get(source)
    if (known !== undefined) return known
    const made = new Map<number, OpenHandling>()
    this.#open.set(source, made)
    return made
  }
}

function lower(times: Float64Array, at: number, time: number): void {
  if (time < (times[at] ?? 0)) times[at] = time
}
