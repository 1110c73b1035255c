import type { Position, ReadRange, TopicPartition } from './driver.ts'
import { doneBeyond, noted } from './offset-tracker.ts'

/** What a group has not settled of a partition: all from its position on, but for what is noted beside that. */
export interface Unsettled extends ReadRange {
  readonly note: string
  readonly done: ReadonlySet<number>
}

/** @param position of the group, or where it would begin @param until the first that is of no interest */
export function unsettledOf(
  source: TopicPartition,
  position: Omit<Position, 'topic' | 'partition'>,
  low: number,
  until: number,
): Unsettled {
  const { topic, partition } = source
  const from = Math.max(low, position.offset)
  // A note counts from its offset: where that has been deleted, all that it said is gone as well.
  const note = from === position.offset ? (position.note ?? '') : ''
  return { topic, partition, from, until: Math.max(from, until), note, done: noted(from, note) }
}

export function countUnsettled(ranges: readonly Unsettled[]): number {
  return ranges.reduce((sum, { from, until, done }) => {
    const settled = [...done].filter((offset) => offset < until)
    return sum + until - from - settled.length
  }, 0)
}

/**
 * Where the group is once it has settled some more.
 * @param offsetsOf which of a partition; those that are not there count for nothing
 * @returns new positions where they change, and how many offsets are settled now that were not
 */
export function settleSome<Range extends Unsettled>(
  ranges: readonly Range[],
  offsetsOf: (range: Range) => readonly number[],
): { readonly positions: readonly Position[]; readonly count: number } {
  const positions: Position[] = []
  let count = 0
  for (const range of ranges) {
    const { topic, partition, from, until, note, done } = range
    const wanted = offsetsOf(range).filter((offset) => offset >= from && offset < until)
    const position = doneBeyond({ topic, partition, offset: from, note }, wanted)
    const settled = position.offset - from + noted(position.offset, position.note).size - done.size
    if (settled > 0) positions.push(position)
    count += settled
  }
  return { positions, count }
}
