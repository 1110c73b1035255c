import assert from 'node:assert/strict'
import { MemoryBrokerAdapter, MemoryServer, type OutboundRecord } from '@comm/messaging'
import { pipelineSuite } from '@comm/testkit'
import { afterAll, describe, it } from '@jest/globals'
import { Between } from './support/between.ts'

const server = new MemoryServer()
const { features } = new MemoryBrokerAdapter({ server })
const limits = { delayMs: 50 }
const runner = { describe, it, afterAll }

pipelineSuite(runner, { name: 'in memory', features, createAdapter: () => new MemoryBrokerAdapter({ server }), limits })

/** As Redis Pub/Sub: no headers beside the body, no delay. */
const bare = { headers: false, delay: false }
const withoutHeaders = (record: OutboundRecord): OutboundRecord => {
  assert.deepEqual(record.headers, {})
  return record
}
pipelineSuite(runner, {
  name: 'in memory, without headers and delay',
  features: { ...features, ...bare },
  createAdapter: () => new Between(server, { features: bare, change: withoutHeaders }),
  limits,
})
