import type { Clock, LogLevel, Timer } from '@comm/core'

/** Of lines with the same level, logger and message, at most `lines` are written in `perMs` milliseconds. */
export interface BurstLimit {
  readonly lines: number
  /** @default 1000 */
  readonly perMs?: number
}

export const BURST_DEFAULTS: Readonly<Required<Pick<BurstLimit, 'perMs'>>> = Object.freeze({ perMs: 1000 })

/** What was left out in one window. */
export interface Suppression {
  readonly level: LogLevel
  readonly logger: string | undefined
  readonly message: string
  readonly lines: number
  readonly perMs: number
}

/** Messages with data in them are all different: those beyond so many in a window share one limit. */
const MOST_KINDS = 1000
const LONGEST_KIND = 200
const OTHERS = '(various messages)'

interface Kind {
  readonly level: LogLevel
  readonly logger: string | undefined
  readonly message: string
  seen: number
}

/** Counts by windows that all kinds of lines share; what was left out is said when a window ends. */
export class Burst {
  readonly #limit: Required<BurstLimit>
  readonly #clock: Clock
  readonly #say: (suppression: Suppression) => void
  readonly #kinds = new Map<string, Kind>()
  #windowEnds = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(limit: BurstLimit, clock: Clock, say: (suppression: Suppression) => void) {
    this.#limit = { ...BURST_DEFAULTS, ...limit }
    this.#clock = clock
    this.#say = say
  }

  admits(level: LogLevel, logger: string | undefined, message: unknown): boolean {
    const now = this.#clock.now()
    if (now >= this.#windowEnds) {
      this.flush()
      this.#windowEnds = now + this.#limit.perMs
    }
    const kind = this.#kindOf(level, logger, String(message).slice(0, LONGEST_KIND))
    kind.seen += 1
    if (kind.seen <= this.#limit.lines) return true
    if (this.#timer === undefined) {
      this.#timer = this.#clock.setTimer(this.#windowEnds - now, () => this.flush())
      this.#timer.unref?.()
    }
    return false
  }

  /** Ends the window. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const ended = [...this.#kinds.values()]
    this.#kinds.clear()
    this.#windowEnds = Number.NEGATIVE_INFINITY
    const { lines, perMs } = this.#limit
    for (const { level, logger, message, seen } of ended) {
      if (seen > lines) this.#say({ level, logger, message, lines: seen - lines, perMs })
    }
  }

  #kindOf(level: LogLevel, logger: string | undefined, message: string): Kind {
    const key = `${level}\0${logger}\0${message}`
    const known = this.#kinds.get(key)
    if (known !== undefined) return known
    if (this.#kinds.size >= MOST_KINDS && message !== OTHERS) return this.#kindOf(level, logger, OTHERS)
    const kind = { level, logger, message, seen: 0 }
    this.#kinds.set(key, kind)
    return kind
  }
}
