import type { Timer } from '@comm/core'
import { type InstanceList, NOBODY, withMissing } from './instance-list.ts'
import type { ResolvedDiscovery } from './options.ts'

/**
 * The time after an outage of a registry that forgets: what it listed before, and does not list yet, is kept until it does, or until the
 * grace is over. An instance that it has listed again and then drops is gone.
 */
export class Recovery {
  readonly #options: ResolvedDiscovery
  readonly #onEnd: () => void
  #held: InstanceList = NOBODY
  #grace: Timer | undefined

  constructor(options: ResolvedDiscovery, onEnd: () => void) {
    this.#options = options
    this.#onEnd = onEnd
  }

  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** @param known before the registry came back */
  begin(known: InstanceList): void {
    const { registry, recoveryGraceMs, clock } = this.#options
    if (registry.features.durable || recoveryGraceMs === 0) return
    this.end()
    this.#held = known
    this.#grace = clock.setTimer(recoveryGraceMs, () => {
      this.end()
      this.#onEnd()
    })
    this.#grace.unref?.()
  }

  /** The registry said this. */
  saw(list: InstanceList): void {
    if (!this.isHolding) return
    const ids = new Set(list.map(({ id }) => id))
    this.#held = this.#held.filter(({ id }) => !ids.has(id))
    if (!this.isHolding) this.end()
  }

  complete(list: InstanceList): InstanceList {
    return this.isHolding ? withMissing(list, this.#held) : list
  }

  end(): void {
    this.#grace?.cancel()
    this.#grace = undefined
    this.#held = NOBODY
  }
}
