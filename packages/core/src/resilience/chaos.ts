import { sleep } from '../clock.ts'
import { ConnectionError } from '../errors/errors.ts'
import {
  anything,
  boolean,
  callable,
  checkArgument,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  type Rule,
  withDefaults,
} from '../options.ts'
import { seededRandom } from '../seeded-random.ts'
import { isObserved, tell } from './policy-events.ts'
import { aDurationMs, aRatio, notBelow } from './rules.ts'
import { ANSWERED, type Call, type Stage } from './stage.ts'

/** Each with the share of the calls that it is done to. */
export interface ChaosOptions {
  /** Names it in events and metrics. @default 'chaos' */
  readonly name?: string
  /** Nothing is done to any call otherwise; a function is asked for each. @default false */
  readonly enabled?: boolean | (() => boolean)
  /** Calls that take longer: `ms`, or a random time from `ms` to `maxMs`. */
  readonly latency?: { readonly rate: number; readonly ms: number; readonly maxMs?: number }
  /** Calls that fail, and are not made. @default error: a ConnectionError */
  readonly fault?: { readonly rate: number; readonly error?: (call: Call) => unknown }
  /** Calls that are answered, and not made. */
  readonly outcome?: { readonly rate: number; readonly value: unknown }
  /** The same calls are chosen in every run. @default none: at random */
  readonly seed?: number
}

export const CHAOS_DEFAULTS: Readonly<Required<Pick<ChaosOptions, 'name' | 'enabled'>>> = Object.freeze({
  name: 'chaos',
  enabled: false,
})

const aShare: Rule = { ...aRatio, required: true }
const INNER = {
  latency: { rate: aShare, ms: { ...aDurationMs, required: true }, maxMs: aDurationMs },
  fault: { rate: aShare, error: callable },
  outcome: { rate: aShare, value: anything },
} as const

/**
 * Does to a share of the calls what networks and callees do, so that tests see what the policies outside it make of that: put it
 * innermost. Off unless `enabled`.
 */
export function chaos(options: ChaosOptions): Stage {
  checkOptions<ChaosOptions>('chaos', options, {
    name: nonEmptyText,
    enabled: either(boolean, callable),
    latency: object,
    fault: object,
    outcome: object,
    seed: number({ integer: true }),
  })
  const { name, enabled, latency, fault, outcome, seed } = withDefaults(CHAOS_DEFAULTS, options)
  if (latency !== undefined) checkOptions('chaos.latency', latency, INNER.latency)
  if (latency?.maxMs !== undefined) checkArgument('chaos.latency.maxMs', latency.maxMs, notBelow('chaos.latency.ms', latency.ms))
  if (fault !== undefined) checkOptions('chaos.fault', fault, INNER.fault)
  if (outcome !== undefined) checkOptions('chaos.outcome', outcome, INNER.outcome)
  const random = seed === undefined ? Math.random : seededRandom(seed)

  const done = (what: 'latency' | 'fault' | 'outcome'): void => {
    if (isObserved()) tell({ policy: 'chaos', name, event: 'injection', what })
  }

  const delayOf = (): number => {
    if (latency === undefined || random() >= latency.rate) return 0
    done('latency')
    const { ms, maxMs = ms } = latency
    return ms + (maxMs - ms) * random()
  }

  /** Instead of the call, if it is one of those. */
  const instead = (call: Call): void | typeof ANSWERED => {
    if (fault !== undefined && random() < fault.rate) {
      done('fault')
      throw fault.error?.(call) ?? new ConnectionError('chaos: this call was made to fail', { details: { chaos: true } })
    }
    if (outcome === undefined || random() >= outcome.rate) return
    done('outcome')
    call.value = outcome.value
    return ANSWERED
  }

  const enter = (call: Call): void | typeof ANSWERED | Promise<void | typeof ANSWERED> => {
    if (typeof enabled === 'function' && !enabled()) return
    const delayMs = delayOf()
    if (delayMs === 0) return instead(call)
    const { signal } = call
    return sleep(delayMs, { clock: call.clock, signal }).then(() => {
      // Cancelled in the very moment: the call may already be about something else.
      if (!signal.aborted) return instead(call)
    })
  }

  const rates = Object.entries({ latency, fault, outcome }).flatMap(([what, given]) => (given ? [`${what} ${given.rate}`] : []))
  const isOff = enabled === false
  return {
    name: 'chaos',
    description: `chaos (${isOff ? 'off' : rates.join(', ') || 'nothing'})`,
    ...(isOff ? {} : { enter }),
  }
}
