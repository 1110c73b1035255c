import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '@comm/core'
import type { BrokerFeatures } from '@comm/messaging'
import { startRedis } from '../servers/kinds/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { type BrokerAddress, makeAdapter } from './adapters.ts'
import type { Ledger } from './ledger.ts'
import { type FaultKind, KEYS, type ResolvedFaultRun } from './options.ts'
import { type ProxiedBroker, startProxiedBroker } from './servers.ts'
import type { Stage } from './stage.ts'
import { Worker } from './worker.ts'

const PRODUCERS = 2
const CONSUMERS = 2
const SLOW_MS = 100
const SLOW_BYTES_PER_SECOND = 256 * 1024
const TOPIC = 'faults.messages'
const GROUP = 'workers'

/** Producers and consumers in processes of their own, a real broker, and a Redis that keeps the claims of the deduplication. */
export class ProcessStage implements Stage {
  readonly #features: BrokerFeatures
  readonly #run: ResolvedFaultRun
  readonly #ledger: Ledger
  readonly #broker: ProxiedBroker
  readonly #claims: TestServer
  readonly #address: BrokerAddress
  readonly #folder: string
  readonly #published = Promise.withResolvers<void>()
  readonly #all: Worker[] = []
  readonly #producers: Worker[] = []
  readonly #consumers: Worker[] = []

  private constructor(run: ResolvedFaultRun, ledger: Ledger, parts: Parts) {
    this.#run = run
    this.#ledger = ledger
    this.#broker = parts.broker
    this.#claims = parts.claims
    this.#address = parts.address
    this.#folder = parts.folder
    this.#features = parts.features
    this.#published.promise.catch(() => undefined)
  }

  /** @param ledger hears of the processes that are killed */
  static async open(run: ResolvedFaultRun & { readonly broker: BrokerAddress['broker'] }, ledger: Ledger): Promise<ProcessStage> {
    const [broker, claims] = await Promise.all([startProxiedBroker(run.broker), startRedis()])
    const { host, port } = broker.proxy
    const address: BrokerAddress = { broker: run.broker, host, port, queue: run.queue }
    const folder = await mkdtemp(join(tmpdir(), 'comm-faults-'))
    await using adapter = await makeAdapter(address)
    return new ProcessStage(run, ledger, { broker, claims, address, folder, features: adapter.features })
  }

  get ordering(): BrokerFeatures['ordering'] {
    return this.#features.ordering
  }

  get published(): Promise<void> {
    return this.#published.promise
  }

  async start(): Promise<void> {
    for (let at = 0; at < CONSUMERS; at++) this.#addConsumer()
    await Promise.all(this.#consumers.map(({ ready }) => ready))
    for (let at = 0; at < PRODUCERS; at++) this.#addProducer(at)
    Promise.all(this.#producers.map(({ done }) => done)).then(() => this.#published.resolve(), this.#published.reject)
  }

  open(upTo: number): void {
    for (const producer of this.#producers) producer.open(upTo)
  }

  readInto(ledger: Ledger): void {
    for (const worker of [...this.#producers, ...this.#consumers]) worker.readInto(ledger)
  }

  async inject(fault: FaultKind, forMs: number): Promise<void> {
    const { server, proxy } = this.#broker
    switch (fault) {
      case 'kill':
        await server.kill()
        await sleep(forMs)
        return server.restart()
      case 'stop':
        await server.stop()
        await sleep(forMs)
        return server.continue()
      case 'restart':
        return server.restart()
      case 'cut':
        await proxy.refuse()
        await sleep(forMs)
        return proxy.heal()
      case 'slow':
        proxy.delay(SLOW_MS)
        proxy.throttle(SLOW_BYTES_PER_SECOND)
        await sleep(forMs)
        return proxy.heal()
      case 'consumer-crash': {
        const victim = this.#consumers.shift()
        await victim?.kill(this.#ledger)
        return this.#addConsumer().ready
      }
      case 'rolling':
        for (let at = 0; at < CONSUMERS; at++) {
          const added = this.#addConsumer()
          await this.#consumers.shift()?.stop(this.#ledger)
          await added.ready
        }
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#producers.splice(0), ...this.#consumers.splice(0)].map((worker) => worker.stop(this.#ledger)))
  }

  get maxRssMiB(): number {
    return Math.max(...this.#all.map(({ memory }) => memory.maxMiB))
  }

  get memoryGrowthMiB(): number {
    return Math.max(...this.#all.map(({ memory }) => memory.growthMiB))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#producers.splice(0), ...this.#consumers.splice(0)].map((worker) => worker.kill(this.#ledger)))
    await this.#broker[Symbol.asyncDispose]()
    await this.#claims.close()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #addProducer(at: number): void {
    const keys = Array.from({ length: KEYS }, (_, key) => key).filter((key) => key % PRODUCERS === at)
    const plan = { topic: TOPIC, messages: this.#run.messages, keys }
    const worker = new Worker({ role: 'producer', address: this.#address, journal: this.#journal(), plan })
    this.#producers.push(worker)
    this.#all.push(worker)
  }

  #addConsumer(): Worker {
    const { ordered, seed } = this.#run
    const { host, port } = this.#claims
    const plan = {
      topic: TOPIC,
      group: GROUP,
      ordered,
      seed,
      from: this.#features.replay ? ('earliest' as const) : ('new' as const),
    }
    const worker = new Worker({
      role: 'consumer',
      address: this.#address,
      journal: this.#journal(),
      plan,
      claims: { host, port },
    })
    this.#consumers.push(worker)
    this.#all.push(worker)
    // One that ends by itself ends the run.
    worker.done.catch(this.#published.reject)
    return worker
  }

  #journal(): string {
    return join(this.#folder, `${this.#all.length}.jsonl`)
  }
}

interface Parts {
  readonly broker: ProxiedBroker
  readonly claims: TestServer
  readonly address: BrokerAddress
  readonly folder: string
  readonly features: BrokerFeatures
}
