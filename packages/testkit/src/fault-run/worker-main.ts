// A producer's or consumer's process: does its task, and ends when it is told to or when whoever started it is gone.
import { stderr } from 'node:process'
import { inspect } from 'node:util'
import { RedisDedupStore } from '@comm/redis-stores'
import { clientOver, makeAdapter } from './adapters.ts'
import { consume } from './consumer.ts'
import { Gate } from './gate.ts'
import { FileJournal } from './journal.ts'
import { produce } from './producer.ts'
import type { WorkerNews, WorkerOrder, WorkerTask } from './worker-protocol.ts'

const RSS_EVERY_MS = 1000

const task = JSON.parse(process.argv[2] ?? '') as WorkerTask
const stopping = new AbortController()
const gate = new Gate()
process.on('message', (order: WorkerOrder) => {
  if (order === 'stop') stopping.abort()
  else gate.open(order.openTo)
})
process.on('disconnect', () => process.exit(1))

function tell(news: WorkerNews): void {
  if (process.connected) process.send?.(news)
}

async function work(): Promise<void> {
  const journal = new FileJournal(task.journal)
  const { signal } = stopping
  const client = clientOver(await makeAdapter(task.address), task.role)
  if (task.role === 'producer') {
    tell('ready')
    await produce(client, task.plan, gate, journal, signal)
    tell('done')
  } else {
    await using claims = new RedisDedupStore({ connection: { ...task.claims } })
    await consume(client, task.plan, claims, journal, signal)
    tell('ready')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    // Before the claims: handlers that still run need them.
    await client.close()
  }
  await client.close()
}

const sampling = setInterval(() => {
  globalThis.gc?.()
  tell({ rssBytes: process.memoryUsage.rss() })
}, RSS_EVERY_MS)
try {
  await work()
} catch (error) {
  if (!stopping.signal.aborted) {
    stderr.write(`${task.role}: ${inspect(error)}\n`)
    process.exitCode = 1
  }
} finally {
  clearInterval(sampling)
  process.disconnect?.()
}
