import { MemoryDedupStore, sleep } from '@comm/core'
import { MemoryBrokerAdapter, MemoryServer, type MessageClient } from '@comm/messaging'
import { FaultyAdapter } from '../faults/faulty-adapter.ts'
import { clientOver } from './adapters.ts'
import { consume } from './consumer.ts'
import { Gate } from './gate.ts'
import type { Journal, JournalEvent } from './journal.ts'
import type { Ledger } from './ledger.ts'
import { MemoryWatch } from './memory-watch.ts'
import { type FaultKind, KEYS, type ResolvedFaultRun } from './options.ts'
import { produce } from './producer.ts'
import type { Stage } from './stage.ts'

const CONSUMERS = 2
const TOPIC = 'faults.messages'
const GROUP = 'workers'
const RSS_EVERY_MS = 1000
/** Beside the scheduled faults, each delivery and each record may fall victim to one of these. */
const DICE = { duplicate: 0.01, drop: 0.01, delay: 0.02, reorder: 0.02, refuse: 0.01, unknown: 0.01, disconnect: 0.0005 }

/** The in-memory broker with injected faults: producers, consumers and broker in this process. */
export class MemoryStage implements Stage {
  readonly #run: ResolvedFaultRun
  readonly #server = new MemoryServer()
  readonly #claims: MemoryDedupStore
  readonly #events: (readonly [source: string, event: JournalEvent])[] = []
  readonly #gate = new Gate()
  readonly #published = Promise.withResolvers<void>()
  readonly #stopping = new AbortController()
  readonly #consumers: MessageClient[] = []
  readonly #memory = new MemoryWatch(performance.now())
  readonly #sampling: NodeJS.Timeout
  #clients = 0
  #producer: MessageClient | undefined

  constructor(run: ResolvedFaultRun) {
    this.#run = run
    this.#claims = new MemoryDedupStore({ maxKeys: run.messages * 2 })
    this.#sampling = setInterval(() => {
      globalThis.gc?.()
      this.#memory.sample(process.memoryUsage.rss(), performance.now())
    }, RSS_EVERY_MS)
  }

  readonly ordering = 'partition'

  get published(): Promise<void> {
    return this.#published.promise
  }

  async start(): Promise<void> {
    for (let at = 0; at < CONSUMERS; at++) await this.#addConsumer()
    this.#producer = this.#client()
    const { messages } = this.#run
    const plan = { topic: TOPIC, messages, keys: Array.from({ length: KEYS }, (_, key) => key) }
    const producing = produce(this.#producer, plan, this.#gate, this.#journal('producer'), this.#stopping.signal)
    producing.then(this.#published.resolve, this.#published.reject)
  }

  open(upTo: number): void {
    this.#gate.open(upTo)
  }

  readInto(ledger: Ledger): void {
    for (const [source, event] of this.#events.splice(0)) ledger.record(source, event)
  }

  async inject(fault: FaultKind, forMs: number): Promise<void> {
    switch (fault) {
      case 'kill':
      case 'stop':
      case 'restart':
        this.#server.stop()
        await sleep(forMs / 10)
        return this.#server.start()
      case 'cut':
      case 'slow':
        return this.#server.dropConnections()
      case 'consumer-crash':
        await this.#consumers.shift()?.close(AbortSignal.abort())
        return this.#addConsumer()
      case 'rolling':
        for (let at = 0; at < CONSUMERS; at++) {
          await this.#addConsumer()
          await this.#consumers.shift()?.close()
        }
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#producer, ...this.#consumers].map((client) => client?.close()))
  }

  get maxRssMiB(): number {
    return this.#memory.maxMiB
  }

  get memoryGrowthMiB(): number {
    return this.#memory.growthMiB
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampling)
    await this.stop()
  }

  #client(): MessageClient {
    this.#clients++
    const inner = new MemoryBrokerAdapter({ server: this.#server })
    return clientOver(new FaultyAdapter(inner, { ...DICE, seed: this.#run.seed + this.#clients }), `client-${this.#clients}`)
  }

  #journal(source: string): Journal {
    return { write: (event) => this.#events.push([source, event]) }
  }

  async #addConsumer(): Promise<void> {
    const client = this.#client()
    this.#consumers.push(client)
    const { ordered, seed } = this.#run
    const plan = { topic: TOPIC, group: GROUP, ordered, seed, from: 'earliest' } as const
    await consume(client, plan, this.#claims, this.#journal(client.name), this.#stopping.signal)
  }
}
