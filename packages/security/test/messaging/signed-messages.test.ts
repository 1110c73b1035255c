import { MemoryBroker, MemoryServer } from '@comm/messaging'
import { signedCases } from './signed-cases.ts'

signedCases('memory', async () => {
  const server = new MemoryServer()
  return {
    client: (options) => new MemoryBroker({ server, ...options }),
    topic: (name) => name,
    stop: async () => undefined,
  }
})
