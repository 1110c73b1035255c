import { MemoryBrokerAdapter, MemoryServer } from '@comm/messaging'
import { pipelineSuite } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'

const server = new MemoryServer()
const { features } = new MemoryBrokerAdapter({ server })
pipelineSuite(
  { describe, it, afterAll },
  {
    name: 'in memory',
    features,
    createAdapter: () => new MemoryBrokerAdapter({ server }),
    limits: { delayMs: 60, deadlineMs: 5000 },
  },
)
