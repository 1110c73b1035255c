import { RedisStreamsAdapter } from '@comm/messaging-redis'
import { brokerContract } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { killConnections, named } from '../support/kill-connections.ts'

const server = { host: '127.0.0.1', port: 16379 }
const createAdapter = (): RedisStreamsAdapter =>
  named((clientId) => new RedisStreamsAdapter({ ...server, clientId, claimIdleMs: 2000 }))

brokerContract(
  { describe, it, afterAll },
  {
    name: 'Redis Streams',
    features: createAdapter().features,
    createAdapter,
    sever: (adapter) => killConnections(adapter, server),
  },
)
