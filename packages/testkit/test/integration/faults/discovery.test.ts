import { describe, expect, it } from '@jest/globals'
import { runFaults } from '../../support/run-faults.ts'

/** For a busy machine; each takes about 50 seconds, most of which it waits. */
const LIMIT_MS = 300_000

describe('pnpm faults discovery', () => {
  it.each(['consul', 'etcd', 'redis'])(
    '%s: no failed call while it is away, registrations back in time, no zombies, lists that converge',
    async (registry) => {
      const { code, report, log } = await runFaults(`discovery ${registry} --seconds 4 --churn 5`, LIMIT_MS)
      expect({ code, log, ...report }).toMatchObject({ code: 0, failed: 0 })
      expect(report['calls']).toBeGreaterThan(100)
      expect(report['churn']).toMatchObject({ registrations: expect.any(Number), heapGrowthMiB: expect.any(Number) })
    },
    LIMIT_MS,
  )
})
