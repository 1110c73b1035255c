import { type Clock, systemClock } from '@comm/core'
import { checkOptions, number, object } from '@comm/core/options'

/** How often what goes wrong: ratios from 0 (never) to 1, each of one delivery or one record, `disconnect` of either. */
export interface FaultOptions {
  /** An acknowledgement is lost on its way: the consumer believes it, and gets the delivery again. @default 0 */
  readonly duplicate?: number
  /** A delivery is not handed over, and comes back before its lane goes on. @default 0 */
  readonly drop?: number
  /** A delivery is handed over up to `delayMs` late. @default 0 */
  readonly delay?: number
  /** A delivery lets those of other lanes go first; inside a lane nothing is ever reordered. @default 0 */
  readonly reorder?: number
  /** A record is not stored, and the answer says so. @default 0 */
  readonly refuse?: number
  /** The answer for a record is `unknown`; one time in two it is stored. @default 0 */
  readonly unknown?: number
  /** The connection is lost: `lost` aborts, settling answers `lost`, publishing refuses. @default 0 */
  readonly disconnect?: number
  /** @default 5 */
  readonly delayMs?: number
  /** How long a lost connection is away. @default 5 */
  readonly outageMs?: number
  /** The same seed throws the same dice. @default 1 */
  readonly seed?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const FAULT_DEFAULTS: Readonly<Required<FaultOptions>> = Object.freeze({
  duplicate: 0,
  drop: 0,
  delay: 0,
  reorder: 0,
  refuse: 0,
  unknown: 0,
  disconnect: 0,
  delayMs: 5,
  outageMs: 5,
  seed: 1,
  clock: systemClock,
})

export type Fault = 'duplicate' | 'drop' | 'delay' | 'reorder' | 'refuse' | 'unknown' | 'disconnect'

const ratio = number({ min: 0, max: 1 })
const duration = number({ min: 0 })

/** @throws ConfigurationError */
export function resolveFaultOptions(options: FaultOptions): Readonly<Required<FaultOptions>> {
  checkOptions('FaultyAdapter options', options, {
    duplicate: ratio,
    drop: ratio,
    delay: ratio,
    reorder: ratio,
    refuse: ratio,
    unknown: ratio,
    disconnect: ratio,
    delayMs: duration,
    outageMs: duration,
    seed: number({ integer: true }),
    clock: object,
  })
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.freeze({ ...FAULT_DEFAULTS, ...Object.fromEntries(given) })
}
