import { describe, expect, it } from '@jest/globals'
import { runFaults } from '../../support/run-faults.ts'

/** For a busy machine; each takes well under a minute on an idle one. */
const LIMIT_MS = 300_000

describe('pnpm faults outage', () => {
  it.each(['rabbit', 'kafka', 'redis-streams'].flatMap((broker) => [`${broker} --how stop`, `${broker} --how kill`]))(
    '%s: bounded memory, refusals at once, nothing accepted is lost, truthful health',
    async (words) => {
      const { code, report, log } = await runFaults(`outage ${words} --seconds 6 --buffer 2000`, LIMIT_MS)
      expect({ code, log, ...report }).toMatchObject({ code: 0, refusedLate: 0, failed: {}, lost: 0 })
      expect(report['refused']).toBeGreaterThan(0)
      expect(report['redAfterMs']).toBeLessThanOrEqual(5000)
      expect(report['greenAfterMs']).toBeLessThanOrEqual(5000)
    },
    LIMIT_MS,
  )
})
