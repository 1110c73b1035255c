import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { sleep } from '@comm/core'
import type { BrokerAdapter, BrokerAdmin, OutboundRecord, PublishResult, SubscribeRequest } from '@comm/messaging'
import { within } from '../contract/within.ts'
import { waitFor } from '../wait-for.ts'
import { type BrokerUnderTest, CONTRACT_LIMITS, type ContractLimits } from './broker-under-test.ts'
import { Collector, type Reaction } from './collector.ts'

/** Names of one run differ from those of every other run on the same broker. */
const RUN = randomBytes(4).toString('hex')
let names = 0

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A record with this text as its body. */
export function record(topic: string, text: string, more: Partial<OutboundRecord> = {}): OutboundRecord {
  return { topic, body: utf8(text), headers: {}, ...more }
}

export function numbered(
  topic: string,
  count: number,
  more: (index: number) => Partial<OutboundRecord> = () => ({}),
): OutboundRecord[] {
  return Array.from({ length: count }, (_, index) => record(topic, String(index), more(index)))
}

/** What a case works with. Everything made here is disposed of when the case is over. */
export class CaseContext implements AsyncDisposable {
  readonly broker: BrokerUnderTest
  readonly limits: Readonly<Required<ContractLimits>>
  /** For calls that nobody aborts. */
  readonly signal: AbortSignal = new AbortController().signal
  readonly #adapters: BrokerAdapter[] = []
  readonly #collectors: Collector[] = []

  constructor(broker: BrokerUnderTest) {
    this.broker = broker
    this.limits = { ...CONTRACT_LIMITS, ...broker.limits }
  }

  /** An adapter that is not connected. */
  async adapter(): Promise<BrokerAdapter> {
    const adapter = await this.broker.createAdapter()
    this.#adapters.push(adapter)
    return adapter
  }

  async connected(): Promise<BrokerAdapter> {
    const adapter = await this.adapter()
    await this.within(adapter.connect(this.signal), 'connecting')
    return adapter
  }

  /** The name of a topic that nobody used before. */
  async topic(): Promise<string> {
    const topic = this.broker.topicName?.() ?? this.name('contract.')
    await this.broker.createTopic?.(topic)
    return topic
  }

  /** A name that nobody used before. */
  name(prefix = 'group-'): string {
    return `${prefix}${RUN}.${++names}`
  }

  async subscribe(adapter: BrokerAdapter, request: Partial<SubscribeRequest>, react: Reaction): Promise<Collector> {
    const collector = new Collector(react, this.limits.deadlineMs)
    this.#collectors.push(collector)
    const full: SubscribeRequest = { topics: [], maxUnsettled: 10, lanes: 'none', ...request }
    collector.topics = full.topics
    collector.lanes = this.broker.features.ordering === 'none' ? 'none' : full.lanes
    collector.subscription = await this.within(
      adapter.subscribe(full, collector.onDelivery),
      `subscribing to ${full.topics.join(', ')}`,
    )
    return collector
  }

  /** A group of its own, where the broker has groups. */
  anyGroup(): { readonly group?: string } {
    return this.broker.features.groups ? { group: this.name() } : {}
  }

  /** Makes a group that has no consumer now. */
  async group(adapter: BrokerAdapter, ...topics: string[]): Promise<string> {
    const group = this.name()
    const collector = await this.subscribe(adapter, { topics, group }, () => undefined)
    await collector.subscription[Symbol.asyncDispose]()
    return group
  }

  /** Publishes, and insists that every record is confirmed. */
  async publish(adapter: BrokerAdapter, ...records: readonly OutboundRecord[]): Promise<void> {
    const results = await this.results(adapter, records)
    for (const [index, result] of results.entries()) {
      if (!result.ok) assert.fail(`record ${index} was not stored (${result.stored}): ${result.error.message}`)
    }
  }

  async results(
    adapter: BrokerAdapter,
    records: readonly OutboundRecord[],
    signal: AbortSignal = this.signal,
  ): Promise<readonly PublishResult[]> {
    const results = await this.within(adapter.publish(records, signal), `publishing ${records.length} records`)
    assert.equal(results.length, records.length, 'there is one result per record')
    return results
  }

  admin(adapter: BrokerAdapter): BrokerAdmin {
    assert(adapter.admin, 'the adapter has no admin: say so in `skip`')
    return adapter.admin
  }

  /** @throws Error when it takes longer than the deadline */
  within<Result>(promise: PromiseLike<Result>, what: string): Promise<Result> {
    return within(promise, what, this.limits.deadlineMs)
  }

  async waitFor<Fact>(what: string, fact: () => Fact | Promise<Fact>): Promise<Fact> {
    return waitFor(fact, { what, timeoutMs: this.limits.deadlineMs })
  }

  /** Time in which something that must not happen would happen. */
  async quiet(): Promise<void> {
    await sleep(this.limits.quietMs)
  }

  /** Disposes of everything, then says what the subscribers noticed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const adapter of this.#adapters) await this.within(adapter[Symbol.asyncDispose](), 'disposal')
    for (const collector of this.#collectors) collector.check()
  }
}
