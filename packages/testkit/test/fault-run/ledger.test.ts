import { describe, expect, it } from '@jest/globals'
import type { JournalEvent } from '../../src/fault-run/journal.ts'
import { Ledger } from '../../src/fault-run/ledger.ts'

/** Two keys; the messages that matter are numbers 0 and 1 of key 0. */
function totals(...events: readonly (JournalEvent | 'died')[]) {
  const ledger = new Ledger(6, 2)
  for (const event of events) {
    if (event === 'died') ledger.died('a', 50)
    else ledger.record('a', event)
  }
  return ledger.totals()
}

const CONFIRMED: readonly JournalEvent[] = [
  ['offered', 0, 0, 0],
  ['confirmed', 1, 0, 0],
  ['offered', 2, 0, 1],
  ['confirmed', 3, 0, 1],
]

/** A handling from `from` to `to`, numbered by its message. */
function handled(
  n: number,
  from: number,
  to: number,
  how: 'ok' | 'failed' | 'lost' = 'ok',
  handling: number = n,
): JournalEvent[] {
  return [
    ['asked', from, 0, n, handling],
    ['begun', from, 0, n, handling],
    ['ended', to, handling, how],
  ]
}

describe('Ledger', () => {
  it('counts a confirmed message that was neither handled nor buried as lost', () => {
    expect(totals(...CONFIRMED, ...handled(0, 10, 20))).toMatchObject({ published: 2, confirmed: 2, delivered: 1, lost: 1 })
    expect(totals(...CONFIRMED, ...handled(0, 10, 20), ...handled(1, 30, 40, 'failed'))).toMatchObject({ delivered: 1, lost: 1 })
    expect(totals(...CONFIRMED, ...handled(0, 10, 20), ['buried', 30, 0, 1])).toMatchObject({ delivered: 2, lost: 0 })
  })

  it('does not count an unconfirmed one as lost', () => {
    expect(totals(['offered', 0, 0, 0])).toMatchObject({ published: 1, confirmed: 0, lost: 0 })
  })

  it('tells duplicates that deduplication stopped from those that it let through', () => {
    const again: JournalEvent[] = [
      ['asked', 60, 0, 0, 7],
      ['ended', 61, 7, 'done'],
    ]
    const stopped = totals(...CONFIRMED, ...handled(0, 10, 20), ...again)
    expect(stopped).toMatchObject({ duplicates: 1, duplicatesAfterDedup: 0, delivered: 1 })
    const twice = totals(...CONFIRMED, ...handled(0, 10, 20), ...handled(0, 30, 40, 'ok', 8))
    expect(twice).toMatchObject({ duplicates: 1, duplicatesAfterDedup: 1, delivered: 1 })
  })

  it.each<[string, number, readonly (JournalEvent | 'died')[]]>([
    ['after the one before ended', 0, [...handled(0, 10, 20), ...handled(1, 20, 30)]],
    ['after the one before failed: its retry comes later', 0, [...handled(0, 10, 20, 'failed'), ...handled(1, 25, 30)]],
    ['after the one before lost its assignment', 0, [...handled(0, 10, 20, 'lost'), ...handled(1, 25, 30)]],
    ['while the one before is handled', 1, [...handled(0, 10, 30), ...handled(1, 20, 40)]],
    ['before the one before', 1, [...handled(0, 30, 40), ...handled(1, 10, 20)]],
    ['and the one before never', 1, [...handled(1, 10, 20)]],
    [
      'after the process of the one before died',
      0,
      [['asked', 10, 0, 0, 5], ['begun', 11, 0, 0, 5], 'died', ...handled(1, 60, 70)],
    ],
    [
      'before the process of the one before died',
      1,
      [['asked', 10, 0, 0, 5], ['begun', 11, 0, 0, 5], 'died', ...handled(1, 40, 45)],
    ],
    [
      'again, out of turn, but first in its turn',
      0,
      [...handled(0, 10, 20), ...handled(1, 30, 40), ...handled(0, 50, 60, 'ok', 9)],
    ],
  ])('first handled %s: %i out of order', (_, outOfOrder, events) => {
    expect(totals(...CONFIRMED, ...events)).toMatchObject({ outOfOrder })
  })
})
