import { randomBytes } from 'node:crypto'
import { type Backoff, constantBackoff } from '@comm/core'
import {
  type BrokerAdapter,
  MessageClient,
  type MessageClientOptions,
  type MessageMeta,
  type SubscribeOptions,
} from '@comm/messaging'
import { type BrokerUnderTest, CONTRACT_LIMITS, type ContractLimits } from '../broker-contract/broker-under-test.ts'
import { type HandlerSpy, handlerSpy } from '../handler-spy.ts'
import { waitFor } from '../wait-for.ts'

/** Names of one run differ from those of every other run on the same broker. */
const RUN = randomBytes(4).toString('hex')
let names = 0

export type MessageSpy = HandlerSpy<[body: unknown, meta: MessageMeta], unknown>

/** What a case works with. Everything made here is closed when the case is over. */
export class PipelineContext implements AsyncDisposable {
  readonly broker: BrokerUnderTest
  readonly limits: Readonly<Required<ContractLimits>>
  /** Short enough to wait for, long enough to be seen. */
  readonly backoff: Backoff
  readonly #clients: MessageClient[] = []
  readonly #adapters: BrokerAdapter[] = []

  constructor(broker: BrokerUnderTest) {
    this.broker = broker
    this.limits = { ...CONTRACT_LIMITS, ...broker.limits }
    this.backoff = constantBackoff({ baseMs: this.limits.delayMs, jitter: 0 })
  }

  /** A client of its own connection to the broker under test. */
  async client(options: MessageClientOptions = {}): Promise<MessageClient> {
    const client = new MessageClient(await this.broker.createAdapter(), options)
    this.#clients.push(client)
    return client
  }

  /** A connected adapter, for what a client of another make would send or see. */
  async adapter(): Promise<BrokerAdapter> {
    const adapter = await this.broker.createAdapter()
    this.#adapters.push(adapter)
    await adapter.connect(new AbortController().signal)
    return adapter
  }

  async topic(): Promise<string> {
    const topic = this.broker.topicName?.() ?? `pipeline.${RUN}.t${++names}`
    await this.broker.createTopic?.(topic)
    return topic
  }

  group(): string {
    return `group-${RUN}-${++names}`
  }

  /** Options of a subscriber that shares with nobody: in a group of its own where the broker has groups. */
  member(): Pick<SubscribeOptions, 'group'> {
    return this.broker.features.groups ? { group: this.group() } : {}
  }

  spy(usual?: (body: unknown, meta: MessageMeta) => unknown): MessageSpy {
    return handlerSpy<[body: unknown, meta: MessageMeta], unknown>(usual)
  }

  called(spy: MessageSpy, times: number): Promise<void> {
    return spy.called(times, this.limits.deadlineMs)
  }

  /** Resolves with the first truthy fact. */
  async waitFor<Fact>(what: string, fact: () => Fact | Promise<Fact>): Promise<NonNullable<Fact>> {
    return (await waitFor(fact, { what, timeoutMs: this.limits.deadlineMs })) as NonNullable<Fact>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await Promise.all(this.#adapters.map((adapter) => adapter[Symbol.asyncDispose]()))
  }
}
