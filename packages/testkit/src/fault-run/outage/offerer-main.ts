// The process that offers messages during an outage, and watches its own health and memory.
import { stderr } from 'node:process'
import { inspect } from 'node:util'
import { sleep } from '@comm/core'
import { MessageClient } from '@comm/messaging'
import { makeAdapter } from '../adapters.ts'
import { monotonicMicroseconds } from '../journal.ts'
import { Offerer } from './offerer.ts'
import type { OfferNews, OfferOrder, OfferTask } from './protocol.ts'

const HEALTH_EVERY_MS = 100
const MEMORY_EVERY_MS = 500
/** Longer than any outage: what the buffer has accepted must arrive. */
const PUBLISH_TIMEOUT_MS = 600_000

const task = JSON.parse(process.argv[2] ?? '') as OfferTask
const finishing = Promise.withResolvers<void>()
process.on('message', (order: OfferOrder) => {
  if (order === 'finish') finishing.resolve()
})
process.on('disconnect', () => process.exit(1))

function tell(news: OfferNews): void {
  if (process.connected) process.send?.(news)
}

async function watchHealth(client: MessageClient): Promise<never> {
  let last: string | undefined
  for (;;) {
    const { status } = await client.health()
    if (status !== last) tell({ is: 'health', status, at: monotonicMicroseconds() })
    last = status
    await sleep(HEALTH_EVERY_MS)
  }
}

try {
  const client = new MessageClient(await makeAdapter(task.address), {
    name: 'offerer',
    publishTimeoutMs: PUBLISH_TIMEOUT_MS,
    buffer: { whenFull: 'reject', maxMessages: task.buffer },
  })
  await client.start()
  const offerer = new Offerer(client, task.topic, task.rate)
  tell({ is: 'connected' })
  void watchHealth(client)
  setInterval(() => {
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    tell({ is: 'memory', rssBytes: rss, liveBytes: heapUsed + external, buffered: client.buffered })
  }, MEMORY_EVERY_MS)
  await finishing.promise
  tell({ is: 'totals', totals: await offerer.finish() })
  await client.close()
  process.exit(0)
} catch (error) {
  stderr.write(`offerer: ${inspect(error)}\n`)
  process.exit(1)
}
