// Messages over any broker, and proof that they do what they should: what is printed is asserted.
//
//   pnpm example messaging                     the broker embedded in this process
//   pnpm example messaging --broker rabbitmq   or kafka, or redis: a real one, found or started (docs/test-servers.md)

import assert from 'node:assert/strict'
import { constantBackoff, MemoryDedupStore, TimeoutError, ValidationError } from '@comm/core'
import { deadLetter, topic } from '@comm/messaging'
import { z } from 'zod'
import { brokerOfArguments, until } from './support/broker.ts'

await using broker = await brokerOfArguments(process.argv.slice(3))
console.log(`on ${broker.title}`)
await using shop = broker.open('shop')
const quickly = { maxAttempts: 3, backoff: constantBackoff({ baseMs: 50 }) }

async function groups(): Promise<string> {
  const orders = broker.topic('groups')
  await using one = broker.open('billing')
  await using other = broker.open('billing')
  await using mail = broker.open('mail')
  const billed: number[] = []
  const mailed: number[] = []
  const bill = (order: number) => void billed.push(order)
  await one.subscribe(orders, bill)
  await other.subscribe(orders, bill)
  await mail.subscribe<number>(orders, (order) => void mailed.push(order))
  const sent = Array.from({ length: 20 }, (_, id) => id)
  assert.ok((await shop.publishMany(orders, sent)).every(({ ok }) => ok))
  const sorted = (ids: readonly number[]): readonly number[] => ids.toSorted((a, b) => a - b)
  await until('20 messages in each group', () => billed.length >= 20 && mailed.length >= 20)
  assert.deepEqual([sorted(billed), sorted(mailed)], [sent, sent])
  return '20 orders: the two members of billing shared them, mail got all of them too'
}

async function typedTopics(): Promise<string> {
  const created = topic(broker.topic('typed'), z.object({ id: z.number(), total: z.number().positive() }))
  await using billing = broker.open('billing')
  const totals: number[] = []
  await billing.subscribe(created, ({ total }) => void totals.push(total))
  await shop.publish(created, { id: 7, total: 42 })
  await assert.rejects(shop.publish(created, { id: 8, total: -1 }), ValidationError)
  await shop.publish(created.name, { id: 'nine' }) // by somebody who knows no schema
  await until('the dead letter', async () => (await billing.deadLetters(created).count()) === 1)
  assert.deepEqual(totals, [42])
  assert.equal((await billing.deadLetters(created).list())[0]?.reason, 'schema')
  return 'what does not match its schema is refused to the publisher, and a dead letter for the consumer'
}

async function retries(): Promise<string> {
  const orders = broker.topic('retries')
  await using billing = broker.open('billing')
  const handled: string[] = []
  await billing.subscribe<string>(
    orders,
    (order, { attempt }) => {
      if (order === 'flaky' && attempt < 3) throw new Error('not yet')
      handled.push(`${order} ${attempt}`)
    },
    { retry: quickly, concurrency: 1 },
  )
  await shop.publishMany(orders, ['flaky', 'fine'])
  await until('both orders', () => handled.length === 2)
  assert.deepEqual(handled, ['fine 1', 'flaky 3'])
  return 'a message that failed twice was handled at its third attempt, and did not hold up the one behind it'
}

async function deadLetters(): Promise<string> {
  const orders = broker.topic('dead')
  const billing = broker.open('billing')
  let isMended = false
  const billed: number[] = []
  await billing.subscribe<number>(orders, (order) => (isMended ? void billed.push(order) : deadLetter('unknown customer')))
  await shop.publishMany(orders, [1, 2])
  const found = billing.deadLetters(orders)
  await until('two dead letters', async () => (await found.count()) === 2)
  for (const { reason, message } of await found.list()) assert.deepEqual([reason, message], ['rejected', 'unknown customer'])
  isMended = true
  assert.equal((await found.replay()).replayed.length, 2)
  await until('what was replayed', () => billed.length === 2)
  await billing.close()
  return 'two messages that could not be handled waited with the reason, and were handled when they were replayed'
}

async function deduplication(): Promise<string> {
  const orders = broker.topic('dedup')
  await using billing = broker.open('billing')
  const billed: number[] = []
  await billing.subscribe<number>(orders, (order) => void billed.push(order), { dedup: { store: new MemoryDedupStore() } })
  for (const order of [7, 7, 7, 8]) await shop.publish(orders, order, { id: `order-${order}`, key: 'customer-1' })
  await until('four messages', () => billing.stats.handled + billing.stats.deduplicated >= 4 && billed.includes(8))
  assert.deepEqual(billed, [7, 8])
  return 'an order that was published three times was billed once'
}

async function order(): Promise<string> {
  const moves = broker.topic('order')
  await using board = broker.open('board')
  const seen: Record<string, number[]> = { white: [], black: [] }
  let count = 0
  await board.subscribe<number>(
    moves,
    async (move, { key = '' }) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
      seen[key]?.push(move)
      count++
    },
    { concurrency: 10 },
  )
  const all = Array.from({ length: 30 }, (_, move) => move)
  await Promise.all([shop.publishMany(moves, all, { key: 'white' }), shop.publishMany(moves, all, { key: 'black' })])
  await until('60 moves', () => count === 60)
  assert.deepEqual(seen, { white: all, black: all })
  return '30 moves of each of two keys, handled side by side, each key in its order'
}

async function delays(): Promise<string> {
  const reminders = broker.topic('delays')
  await using mail = broker.open('mail')
  const came: [string, number][] = []
  const startedAt = performance.now()
  await mail.subscribe<string>(reminders, (reminder) => void came.push([reminder, performance.now() - startedAt]))
  const publishedAt = performance.now() - startedAt
  await shop.publish(reminders, 'later', { delayMs: 1000 })
  await shop.publish(reminders, 'now')
  await until('both', () => came.length === 2)
  assert.deepEqual(
    came.map(([reminder]) => reminder),
    ['now', 'later'],
  )
  assert.ok((came[1]?.[1] ?? 0) - publishedAt >= 990)
  return 'a message that was to come a second later did, and one that was published after it came before'
}

async function requests(): Promise<string> {
  const price = broker.topic('price')
  await using prices = broker.open('prices')
  await prices.respond(price, ({ items }: { items: number }) => ({ total: items * 5 }))
  assert.deepEqual(await shop.request(price, { items: 3 }, { timeoutMs: 30_000 }), { total: 15 })

  const silent = broker.topic('silent')
  await prices.respond(silent, () => new Promise(() => {}), { deadlineMs: 2000 })
  await assert.rejects(shop.request(silent, {}, { timeoutMs: 300 }), TimeoutError)
  return 'a question was answered; another, which nobody answers, ended when its time was over'
}

async function patterns(): Promise<string> {
  await using audit = broker.open('audit')
  const pattern = broker.topic('stock.*')
  const seen: string[] = []
  const subscribing = audit.subscribe(pattern, (_event, { topic }) => void seen.push(topic.split('.').at(-1) ?? ''))
  if (!broker.hasPatterns) {
    await assert.rejects(subscribing, { code: 'COMM_UNSUPPORTED' })
    return 'this broker has none, and says so'
  }
  await subscribing
  for (const event of ['added', 'taken']) await shop.publish(broker.topic(`stock.${event}`), {}, { key: 'one' })
  await until('both', () => seen.length === 2)
  assert.deepEqual(seen.toSorted(), ['added', 'taken'])
  return 'one subscription for every topic that begins alike'
}

async function stop(): Promise<string> {
  const orders = broker.topic('stop')
  const billing = broker.open('billing')
  let ended = 0
  await billing.subscribe(orders, async () => {
    await new Promise((resolve) => setTimeout(resolve, 200))
    ended++
  })
  await shop.publish(orders, { id: 7 })
  await until('the message under way', () => billing.stats.inFlight === 1)
  await billing.close()
  assert.equal(ended, 1)
  await assert.rejects(billing.publish(orders, {}), { code: 'COMM_CLOSED' })
  return 'a message that was being handled was finished before the client closed'
}

const shown: readonly [string, () => Promise<string>][] = [
  ['Groups', groups],
  ['Typed topics', typedTopics],
  ['Retry', retries],
  ['Dead letters', deadLetters],
  ['Deduplication', deduplication],
  ['Order', order],
  ['Delay', delays],
  ['Request and reply', requests],
  ['Patterns', patterns],
  ['Stop', stop],
]
for (const [name, show] of shown) console.log(`✓ ${name}: ${await show()}`)
console.log('messaging: ok')
