import { sleep } from '@comm/core'
import type { Ledger } from './ledger.ts'
import { LOOK_EVERY_MS, STALLED_MS, whileItMoves } from './progress.ts'
import type { PlannedFault } from './schedule.ts'
import type { Stage } from './stage.ts'

/** Looks at a run as it goes, and keeps its ledger. */
export class Course {
  readonly #stage: Stage
  readonly #ledger: Ledger
  #failed: { readonly reason: unknown } | undefined

  constructor(stage: Stage, ledger: Ledger) {
    this.#stage = stage
    this.#ledger = ledger
    stage.published.catch(this.#fail)
  }

  /** @returns false when nothing moves any more @throws what a producer or consumer failed with */
  until(fact: () => boolean): Promise<boolean> {
    const look = (): boolean => {
      this.#look()
      return fact()
    }
    return whileItMoves(() => this.#ledger.confirmed + this.#ledger.delivered, look, STALLED_MS)
  }

  /** Lets it happen; resolves when it is over. @throws why it cannot; what a producer or consumer failed with */
  async inject({ kind, forMs }: PlannedFault): Promise<void> {
    let isOver = false
    this.#stage.inject(kind, forMs).then(() => {
      isOver = true
    }, this.#fail)
    while (!isOver) {
      await sleep(LOOK_EVERY_MS)
      this.#look()
    }
  }

  readonly #fail = (reason: unknown): void => {
    this.#failed ??= { reason }
  }

  #look(): void {
    this.#stage.readInto(this.#ledger)
    if (this.#failed !== undefined) throw this.#failed.reason
  }
}
