import { seededRandom } from '../seeded-random.ts'
import { FAULT_KINDS, type FaultKind, type ResolvedFaultRun } from './options.ts'

export interface PlannedFault {
  readonly kind: FaultKind
  /** It comes once so many messages are confirmed. */
  readonly after: number
  /** How long it lasts where that can be chosen. */
  readonly forMs: number
}

/** A stretch of the run with one fault in its middle. */
export interface Segment {
  readonly fault: PlannedFault
  /** Messages from this one on are published only once the fault is over: each fault finds others under way. */
  readonly end: number
}

/** From here on a run is long: its faults come more than once. */
const LONG_RUN = 20_000
/** Up to here it is for a quick look: its faults are brief. */
const BRIEF_RUN = 1000
const SHORTEST_MS = 500
const LONGEST_MS = 3000
const BRIEF = 1 / 4
/** What comes after the last fault passes undisturbed. */
const LAST_SHARE = 0.9

/** The faults of a run in the order in which they come: the same for the same seed, spread over the whole run. */
export function drawSchedule({
  schedule,
  messages,
  seed,
}: Pick<ResolvedFaultRun, 'schedule' | 'messages' | 'seed'>): readonly Segment[] {
  const random = seededRandom(seed)
  const isLong = messages >= LONG_RUN
  const kinds = schedule === 'all' ? shuffled(FAULT_KINDS, random) : [schedule]
  const times = isLong ? (schedule === 'all' ? 2 : 5) : 1
  const all = Array.from({ length: times }, () => kinds).flat()
  const length = (LAST_SHARE * messages) / all.length
  const share = messages <= BRIEF_RUN ? BRIEF : 1
  return all.map((kind, index) => ({
    fault: {
      kind,
      after: Math.floor((index + 0.2 + 0.6 * random()) * length),
      forMs: Math.round(share * (SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS))),
    },
    end: Math.floor((index + 1) * length),
  }))
}

function shuffled<Item>(items: readonly Item[], random: () => number): readonly Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
