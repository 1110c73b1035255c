import { describe, expect, it } from '@jest/globals'
import { runFaults } from '../../support/run-faults.ts'

/** For a busy machine; each takes well under a minute on an idle one. */
const LIMIT_MS = 300_000

describe('pnpm faults delay', () => {
  it.each(['memory', 'redis-streams', 'rabbit', 'rabbit --queue classic', 'kafka'])(
    '%s: what waits for its retry outlives kill -9',
    async (broker) => {
      const { code, report, log } = await runFaults(`delay ${broker} --messages 300`, LIMIT_MS)
      expect({ code, log, ...report }).toMatchObject({ code: 0, waiting: 300, handled: 300, lost: 0 })
    },
    LIMIT_MS,
  )
})
