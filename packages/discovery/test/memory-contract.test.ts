import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { registryContract } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { report } from './support/support-table.ts'

const server = new MemoryRegistryServer()

registryContract(
  { describe, it, afterAll },
  {
    name: 'memory',
    report,
    features: new MemoryRegistry().features,
    createRegistry: () => new MemoryRegistry({ server }),
    outage: { begin: () => server.stop(), end: () => server.start() },
  },
)
