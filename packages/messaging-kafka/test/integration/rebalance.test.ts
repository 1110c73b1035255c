import { fork, type Serializable } from 'node:child_process'
import type { Delivery } from '@comm/messaging'
import { KafkaAdapter } from '@comm/messaging-kafka'
import { waitFor } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import kafkajs from 'kafkajs'
import { BreakingWay, SYNC_GROUP } from '../support/breaking-way.ts'

const LIMIT_MS = 120_000
const CASES_MS = { timeoutMs: 60_000 }
const KEYS = 12
const BATCH = 50
/** Records of a case at least. */
const LEAST = 3000
/** Records that wait to be handled at most: whoever joins, or goes on for another, finds some. */
const AHEAD = 500
const { host, port, url } = await sharedServer('kafka')
const never = new AbortController().signal
const topicOf = (name: string): string => `rebalance.${process.pid}.${Date.now()}.${name}`

async function connected(options = {}): Promise<KafkaAdapter> {
  const adapter = new KafkaAdapter({ hosts: [url], partitions: 6, ...options })
  await adapter.connect(never)
  return adapter
}

/** What all members did, in the order in which it happened here. */
class Ledger {
  readonly #handled = new Map<string, number[]>()
  readonly seen = new Set<number>()
  duplicates = 0

  note(key: string, index: number): void {
    if (this.seen.has(index)) this.duplicates++
    else this.#handled.set(key, [...(this.#handled.get(key) ?? []), index])
    this.seen.add(index)
  }

  /** Keys of which a record was first handled after a later one. */
  get outOfOrder(): readonly string[] {
    const isMixed = (indexes: readonly number[]): boolean => indexes.some((index, at) => index < (indexes[at - 1] ?? -1))
    return [...this.#handled].filter(([, indexes]) => isMixed(indexes)).map(([key]) => key)
  }
}

/** Publishes for as long as there is something to see. @returns how many records */
async function publishWhile(topic: string, seen: ReadonlySet<unknown>, isWanted: () => boolean): Promise<number> {
  await using publisher = await connected()
  let index = 0
  for (; index < LEAST || isWanted(); index += BATCH) {
    await waitFor(() => index - seen.size < AHEAD, { what: 'those before to be handled', ...CASES_MS })
    const records = Array.from({ length: BATCH }, (_, at) => ({
      topic,
      key: `key-${(index + at) % KEYS}`,
      body: Buffer.from(String(index + at)),
      headers: {},
    }))
    expect((await publisher.publish(records, never)).filter(({ ok }) => !ok)).toEqual([])
  }
  return index
}

async function isCommitted(groupId: string, topic: string): Promise<boolean> {
  const admin = new kafkajs.Kafka({ brokers: [url] }).admin()
  await admin.connect()
  try {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return found?.partitions.some(({ offset }) => Number(offset) > 0) ?? false
  } finally {
    await admin.disconnect()
  }
}

describe('a group whose members change', () => {
  it(
    'joining and leaving: nothing is lost, and each key is first handled in its order',
    async () => {
      const topic = topicOf('members')
      const ledger = new Ledger()
      const handled = [0, 0, 0]
      const handle = async (member: number, delivery: Delivery): Promise<void> => {
        await new Promise((resolve) => setImmediate(resolve))
        if (delivery.lost.aborted) return
        ledger.note(String(delivery.key), Number(Buffer.from(delivery.body).toString()))
        handled[member] = (handled[member] ?? 0) + 1
        await delivery.settle('ack')
      }
      /** These have handled some more. */
      const share = async (...members: readonly number[]): Promise<void> => {
        const wanted = handled.map((count) => count + 100)
        const have = (): boolean => members.every((member) => Number(handled[member]) >= Number(wanted[member]))
        await waitFor(have, { what: `records at ${members}`, ...CASES_MS })
      }
      let isChanging = true
      const request = { topics: [topic], group: 'g', maxUnsettled: 20, lanes: 'key' } as const
      const adapters = [await connected(), await connected(), await connected()]
      const [one, two, three] = adapters as [KafkaAdapter, KafkaAdapter, KafkaAdapter]
      await one.subscribe(request, (delivery) => void handle(0, delivery))
      const publishing = publishWhile(topic, ledger.seen, () => isChanging)
      await share(0)
      const second = await two.subscribe(request, (delivery) => void handle(1, delivery))
      await share(0, 1)
      await three.subscribe(request, (delivery) => void handle(2, delivery))
      await share(0, 1, 2)
      await second[Symbol.asyncDispose]()
      await share(0, 2)
      isChanging = false
      const total = await publishing
      await waitFor(() => ledger.seen.size === total, { what: 'every record', ...CASES_MS })
      for (const adapter of adapters) await adapter[Symbol.asyncDispose]()
      expect(ledger.outOfOrder).toEqual([])
      // Members that go in peace have told how far they came.
      expect(ledger.duplicates).toBeLessThan(total / 20)
    },
    LIMIT_MS,
  )

  it(
    'one dies: the others go on with what it had not settled, in order',
    async () => {
      const topic = topicOf('dying')
      const ledger = new Ledger()
      let [fromSurvivor, fromDying] = [0, 0]
      let isDying = true
      await using survivor = await connected()
      const request = { topics: [topic], group: 'g', maxUnsettled: 20, lanes: 'key' } as const
      await survivor.subscribe(request, (delivery) => {
        ledger.note(String(delivery.key), Number(Buffer.from(delivery.body).toString()))
        fromSurvivor++
        void delivery.settle('ack')
      })
      const dying = fork(new URL('../support/member.ts', import.meta.url), [url, topic], {
        execPath: process.execPath,
        execArgv: ['--conditions=@comm/source', '--disable-warning=ExperimentalWarning'],
      })
      try {
        await new Promise<void>((resolve) => dying.once('message', () => resolve()))
        dying.on('message', (message: Serializable) => {
          const { key, index } = message as { readonly key: string; readonly index: number }
          ledger.note(key, index)
          fromDying++
        })
        const publishing = publishWhile(topic, ledger.seen, () => isDying)
        await waitFor(() => fromDying > 200 && fromSurvivor > 200, { what: 'records at both', ...CASES_MS })
        dying.kill('SIGKILL')
        const before = fromSurvivor
        await waitFor(() => fromSurvivor > before + AHEAD, { what: 'what was meant for the dead one', ...CASES_MS })
        isDying = false
        const total = await publishing
        await waitFor(() => ledger.seen.size === total, { what: 'every record', ...CASES_MS })
        expect(ledger.outOfOrder).toEqual([])
      } finally {
        dying.kill('SIGKILL')
      }
    },
    LIMIT_MS,
  )

  it(
    'one whose way breaks while it joins, when the group has taken it in already, handles what is its own',
    async () => {
      const topic = topicOf('cut-off')
      await using way = await BreakingWay.start({ host, port })
      await using cutOff = await connected({ hosts: [], ...way.endpoint, translateAddress: () => way.endpoint })
      await using other = await connected()
      const seen = new Set<string>()
      const request = { topics: [topic], group: 'g', maxUnsettled: 20, lanes: 'key' } as const
      const handle = (delivery: Delivery): void => {
        seen.add(Buffer.from(delivery.body).toString())
        void delivery.settle('ack')
      }
      await cutOff.subscribe(request, handle)
      const broken = way.breakAfter(SYNC_GROUP)
      await other.subscribe(request, handle)
      await broken
      const total = await publishWhile(topic, seen, () => false)
      await waitFor(() => seen.size === total, { what: 'every record', ...CASES_MS })
    },
    LIMIT_MS,
  )

  it(
    'what is due counts as lag at its time, also where it lies behind what is not, and though nobody is there to take it',
    async () => {
      const topic = topicOf('due')
      await using adapter = await connected({ partitions: 1 })
      const record = (delayMs: number) => {
        const due = { topic, group: 'g', body: Buffer.from(''), headers: {}, notBefore: Date.now() + delayMs }
        return adapter.publish([due], never)
      }
      const lag = () => adapter.admin.lag(topic, 'g')
      // In one topic for delays, by the length of the wait: of up to ten minutes.
      for (const delayMs of [300_000, 20_000, 20_000]) expect(await record(delayMs)).toEqual([{ ok: true }])
      expect(await lag()).toBe(0)
      await waitFor(async () => (await lag()) === 2, { what: 'what is due', ...CASES_MS })
    },
    LIMIT_MS,
  )

  it(
    'a member lags behind in its own partitions only',
    async () => {
      const topic = topicOf('lag')
      await using one = await connected({ partitions: 1 })
      await using two = await connected({ partitions: 1 })
      const request = { topics: [topic], group: 'g', maxUnsettled: 1, lanes: 'none' } as const
      const held: Delivery[] = []
      const members = [
        await one.subscribe(request, (delivery) => void held.push(delivery)),
        await two.subscribe(request, (delivery) => void held.push(delivery)),
      ]
      await one.publish(
        [1, 2].map((index) => ({ topic, body: Buffer.from(String(index)), headers: {} })),
        never,
      )
      await waitFor(() => held.length === 1, { what: 'the first record', ...CASES_MS })
      const lags = await Promise.all(members.map((member) => member.lag?.()))
      expect(lags.toSorted()).toEqual([0, 2])
    },
    LIMIT_MS,
  )
})

describe('a session', () => {
  it(
    'that ends without a word loses what was handed over, and what was settled before does not come again',
    async () => {
      const topic = topicOf('session')
      await using proxy = await startFaultProxy({ target: { host, port } })
      const at = { host: proxy.host, port: proxy.port }
      await using adapter = await connected({ hosts: [], ...at, translateAddress: () => at })
      await using publisher = await connected()
      const received: Delivery[] = []
      await adapter.subscribe(
        { topics: [topic], group: 'g', maxUnsettled: 10, lanes: 'none' },
        (delivery) => void received.push(delivery),
      )
      const record = (text: string) => ({ topic, key: 'k', body: Buffer.from(text), headers: {} })
      await publisher.publish([record('settled'), record('held')], never)
      await waitFor(() => received.length === 2, { what: 'two records', ...CASES_MS })
      expect(await received[0]?.settle('ack')).toBe('settled')
      await waitFor(() => isCommitted(`g.${topic}`, topic), { what: 'the commit of the first', ...CASES_MS })
      await proxy.refuse()
      await waitFor(() => received[1]?.lost.aborted === true, { what: 'the loss', ...CASES_MS })
      expect(await received[1]?.settle('ack')).toBe('lost')
      await proxy.heal()
      await waitFor(() => received.length > 2, { what: 'the record that was held', ...CASES_MS })
      expect(Buffer.from(received[2]?.body ?? []).toString()).toBe('held')
      expect(received[2]?.id).toBe(received[1]?.id)
    },
    LIMIT_MS,
  )

  it(
    'does not leave a partition unread that was full when it ended',
    async () => {
      const topic = topicOf('full')
      await using proxy = await startFaultProxy({ target: { host, port } })
      const at = { host: proxy.host, port: proxy.port }
      await using adapter = await connected({
        ...{ hosts: [], ...at, translateAddress: () => at, partitions: 1 },
        consumerConfig: { maxPollRecords: 4 },
      })
      await using publisher = await connected()
      const handled = new Set<string>()
      let held: Delivery | undefined
      await adapter.subscribe({ topics: [topic], group: 'g', maxUnsettled: 1, lanes: 'none' }, (delivery) => {
        if (held === undefined) {
          held = delivery
          return
        }
        handled.add(Buffer.from(delivery.body).toString())
        void delivery.settle('ack')
      })
      const records = Array.from({ length: 30 }, (_, index) => ({
        topic,
        key: 'k',
        body: Buffer.from(String(index)),
        headers: {},
      }))
      await publisher.publish(records, never)
      await waitFor(() => held !== undefined, { what: 'a record that is not settled', ...CASES_MS })
      await proxy.refuse()
      await waitFor(() => held?.lost.aborted === true, { what: 'the loss', ...CASES_MS })
      await proxy.heal()
      await waitFor(() => handled.size === records.length, { what: 'every record' })
    },
    LIMIT_MS,
  )
})
