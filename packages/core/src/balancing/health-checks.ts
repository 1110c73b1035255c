import { type Clock, sleep } from '../clock.ts'
import { callable, checkOptions, number, required, withDefaults } from '../options.ts'
import { unlessAborted, withTimeLimit } from '../wait.ts'
import type { Candidate } from './candidate.ts'
import type { Instance } from './instance.ts'

export interface HealthCheckOptions {
  /** Asks one instance. What it throws, or that it takes too long, counts against the instance. */
  readonly probe: (instance: Instance, signal: AbortSignal) => Promise<unknown>
  /** Between two checks of an instance, give or take a tenth. @default 10000 */
  readonly intervalMs?: number
  /** @default 2000 */
  readonly timeoutMs?: number
  /** So many failed checks in a row, and it is called no more. @default 3 */
  readonly unhealthyAfter?: number
  /** So many good ones in a row, and it is called again. @default 2 */
  readonly healthyAfter?: number
}

export const HEALTH_CHECK_DEFAULTS: Readonly<Required<Omit<HealthCheckOptions, 'probe'>>> = Object.freeze({
  intervalMs: 10_000,
  timeoutMs: 2000,
  unhealthyAfter: 3,
  healthyAfter: 2,
})

export function resolveHealthCheck(options: HealthCheckOptions): Required<HealthCheckOptions> {
  const count = number({ min: 1, integer: true })
  const duration = number({ above: 0 })
  checkOptions<HealthCheckOptions>('loadBalancer.healthCheck', options, {
    probe: required(callable),
    intervalMs: duration,
    timeoutMs: duration,
    unhealthyAfter: count,
    healthyAfter: count,
  })
  return Object.freeze({ ...withDefaults(HEALTH_CHECK_DEFAULTS, options), probe: options.probe })
}

export interface HealthCheckParts {
  readonly clock: Clock
  readonly random: () => number
  /** `isHealthy` has changed. @param reason what the last check threw */
  readonly onChange: (candidate: Candidate, reason: unknown) => void
}

const JITTER = 0.1

/** Asks each instance again and again, until it is stopped. */
export class HealthChecks {
  readonly #options: Required<HealthCheckOptions>
  readonly #parts: HealthCheckParts
  readonly #running = new Map<Candidate, AbortController>()

  constructor(options: Required<HealthCheckOptions>, parts: HealthCheckParts) {
    this.#options = options
    this.#parts = parts
  }

  /** Checks these from now on, and no others. */
  watch(candidates: readonly Candidate[]): void {
    const wanted = new Set(candidates)
    for (const [candidate, loop] of this.#running) {
      if (wanted.has(candidate)) continue
      loop.abort()
      this.#running.delete(candidate)
    }
    for (const candidate of candidates) {
      if (this.#running.has(candidate)) continue
      const loop = new AbortController()
      this.#running.set(candidate, loop)
      void this.#check(candidate, loop.signal)
    }
  }

  async #check(candidate: Candidate, stopped: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts
    const { intervalMs, unhealthyAfter, healthyAfter } = this.#options
    let inARow = 0
    while (!stopped.aborted) {
      const failure = await this.#probe(candidate.instance, stopped)
      if (stopped.aborted) return
      const wasGood = failure === undefined
      inARow = wasGood === candidate.isHealthy ? 0 : inARow + 1
      if (inARow >= (wasGood ? healthyAfter : unhealthyAfter)) {
        inARow = 0
        candidate.isHealthy = wasGood
        this.#parts.onChange(candidate, failure?.reason)
      }
      const pauseMs = intervalMs * (1 + JITTER * (2 * random() - 1))
      await sleep(pauseMs, { clock, signal: stopped }).catch(() => undefined)
    }
  }

  /** @returns why it is not well */
  async #probe(instance: Instance, stopped: AbortSignal): Promise<{ readonly reason: unknown } | undefined> {
    const { probe, timeoutMs } = this.#options
    const ask = (signal: AbortSignal): Promise<unknown> => unlessAborted(probe(instance, signal), signal)
    try {
      await withTimeLimit(this.#parts.clock, timeoutMs, stopped, ask, `${instance.id} did not answer its health check`)
      return undefined
    } catch (reason) {
      return { reason }
    }
  }
}
