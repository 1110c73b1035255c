import { MemoryBrokerAdapter, MemoryServer } from '@comm/messaging'
import { brokerContract, supportInReadme } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'

const server = new MemoryServer({ maxBodyBytes: 2 * 1024 * 1024 })
const createAdapter = (): MemoryBrokerAdapter => new MemoryBrokerAdapter({ server })

const compare = supportInReadme(new URL('../README.md', import.meta.url))
const before = process.cpuUsage()

brokerContract(
  { describe, it, afterAll },
  {
    name: 'in-memory',
    features: createAdapter().features,
    createAdapter,
    sever: () => server.dropConnections(),
    outage: { begin: () => server.stop(), end: () => server.start() },
    deleteTopic: (topic) => void server.deleteTopic(topic),
    limits: { quietMs: 5, delayMs: 40 },
    report(report) {
      const { user, system } = process.cpuUsage(before)
      const { cases } = report
      compare(report)
      expect(cases.filter(({ outcome }) => outcome === 'skipped').map(({ id }) => id)).toEqual(['unsupported'])
      // Two seconds is what the suite may take; as CPU time, because how long that is depends on what else runs here.
      expect((user + system) / 1000).toBeLessThan(2000)
    },
  },
)
