import { seededRandom } from '../seeded-random.ts'
import { FAULT_KINDS, type FaultKind, type ResolvedFaultRun } from './options.ts'

export interface PlannedFault {
  readonly kind: FaultKind
  /** It comes once so many messages have been handled. */
  readonly after: number
  /** How long it lasts where that can be chosen. */
  readonly forMs: number
}

/** From here on a run is long: its faults come more than once. */
const LONG_RUN = 20_000
const SHORTEST_MS = 500
const LONGEST_MS = 3000
/** The last fault comes early enough that something is left to be disturbed. */
const LAST_SHARE = 0.9

/** The faults of a run in the order in which they come: the same for the same seed, spread over the whole run. */
export function drawSchedule({
  schedule,
  messages,
  seed,
}: Pick<ResolvedFaultRun, 'schedule' | 'messages' | 'seed'>): readonly PlannedFault[] {
  const random = seededRandom(seed)
  const isLong = messages >= LONG_RUN
  const kinds = schedule === 'all' ? shuffled(FAULT_KINDS, random) : [schedule]
  const times = isLong ? (schedule === 'all' ? 2 : 5) : 1
  const all = Array.from({ length: times }, () => kinds).flat()
  return all.map((kind, index) => ({
    kind,
    after: Math.floor(((index + 0.2 + 0.6 * random()) / all.length) * LAST_SHARE * messages),
    forMs: Math.round(SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS)),
  }))
}

function shuffled<Item>(items: readonly Item[], random: () => number): readonly Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
