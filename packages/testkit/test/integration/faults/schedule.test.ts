import { describe, expect, it } from '@jest/globals'
import { runFaults } from '../../support/run-faults.ts'

/** For a busy machine; each takes well under a minute on an idle one. */
const LIMIT_MS = 300_000

/** The whole line, so that a field that is missing or misspelt shows. */
const SCHEDULE_REPORT = [
  'broker',
  'seed',
  'published',
  'confirmed',
  'delivered',
  'lost',
  'duplicates',
  'duplicatesAfterDedup',
  'outOfOrder',
  'ordering',
  'maxRssMiB',
  'faults',
]

describe('pnpm faults', () => {
  it.each<[words: string, messages: number, faults: number]>([
    ['memory --messages 1000 --schedule all', 1000, 7],
    ['redis-streams --messages 400 --schedule all', 400, 7],
    ['redis-streams --ordered --messages 400 --schedule all', 400, 7],
    ['rabbit --queue quorum --messages 400 --schedule kill', 400, 1],
    ['rabbit --queue classic --messages 400 --schedule kill', 400, 1],
    ['kafka --messages 400 --schedule kill', 400, 1],
    ['rabbit --ordered --messages 400 --schedule consumer-crash', 400, 1],
  ])(
    '%s: nothing is lost',
    async (words, messages, faults) => {
      const { code, report, log } = await runFaults(words, LIMIT_MS)
      expect({ code, log, ...report }).toMatchObject({ code: 0, confirmed: messages, delivered: messages, lost: 0 })
      expect(Object.keys(report)).toEqual(SCHEDULE_REPORT)
      expect(report['faults']).toHaveLength(faults)
    },
    LIMIT_MS,
  )
})
