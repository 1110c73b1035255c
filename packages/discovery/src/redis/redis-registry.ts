import { downBecause, type Health, unlessAborted, withTimeLimit } from '@comm/core'
import { RedisConnection, type RedisScript, redisError } from '@comm/redis-stores/connection'
import { Lifetime } from '../adapter/lifetime.ts'
import { pollingWatch } from '../adapter/polling-watch.ts'
import type { Registration, Registry, RegistryFeatures, ServiceInstance, Watch } from '../registry.ts'
import { type RedisRegistryOptions, resolveRedis } from './options.ts'
import { DEREGISTER, LIST, REGISTER, RENEW } from './scripts.ts'

const FEATURES: RegistryFeatures = Object.freeze({
  registers: true,
  watches: 'poll',
  expires: true,
  durable: false,
  keeps: Object.freeze(['zone', 'weight', 'version', 'metadata', 'tags'] as const),
})

interface Listed {
  readonly changes: string
  /** Undefined where nothing has changed. */
  readonly instances: readonly ServiceInstance[] | undefined
}

/** Redis 7.0 or newer, for those who have nothing else: standalone, through Sentinels, or a Cluster. Each step is one atomic script. */
export class RedisRegistry implements Registry {
  readonly system = 'redis'
  readonly where: string
  readonly features: RegistryFeatures = FEATURES
  readonly #options: Readonly<Required<RedisRegistryOptions>>
  readonly #connection: RedisConnection
  readonly #isOurs: boolean
  readonly #life: Lifetime

  /** @throws ConfigurationError */
  constructor(options: RedisRegistryOptions = {}) {
    this.#options = resolveRedis(options)
    const { connection } = this.#options
    this.#isOurs = !(connection instanceof RedisConnection)
    this.#connection = connection instanceof RedisConnection ? connection : new RedisConnection(connection)
    this.where = this.#connection.where
    this.#life = new Lifetime(this.where)
  }

  async register({ instance, ttlMs }: Registration, signal: AbortSignal): Promise<void> {
    const { service: _, id, ...said } = instance
    await this.#run('register', REGISTER, instance.service, [id, JSON.stringify(said), String(ttlMs)], signal)
  }

  async renew({ instance, ttlMs }: Registration, signal: AbortSignal): Promise<'kept' | 'lost'> {
    const kept = await this.#run('renew', RENEW, instance.service, [instance.id, String(ttlMs)], signal)
    return Number(kept) === 1 ? 'kept' : 'lost'
  }

  async deregister({ instance }: Registration, signal: AbortSignal): Promise<void> {
    await this.#run('deregister', DEREGISTER, instance.service, [instance.id], signal)
  }

  async resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    return (await this.#list(service, '', signal)).instances ?? []
  }

  watch(service: string): Watch {
    this.#life.check()
    const { pollMs, requestTimeoutMs } = this.#options
    const { clock } = this.#connection.options
    let changes = ''
    const watch = pollingWatch(clock, async (isFirst, signal) => {
      const late = `${this.where} did not list ${service}`
      const known = isFirst ? '' : changes
      const listed = await withTimeLimit(clock, requestTimeoutMs, signal, (limit) => this.#list(service, known, limit), late)
      changes = listed.changes
      return { instances: listed.instances, againInMs: pollMs }
    })
    return { run: (onList, signal) => this.#life.run(signal, (either) => watch.run(onList, either)) }
  }

  async health(signal: AbortSignal): Promise<Health> {
    try {
      this.#life.check(signal)
      await this.#connect(signal)
      return await this.#connection.health()
    } catch (thrown) {
      return downBecause(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life.end()
    if (this.#isOurs) await this.#connection[Symbol.asyncDispose]()
  }

  async #list(service: string, known: string, signal: AbortSignal): Promise<Listed> {
    const [changes, pairs] = (await this.#run('list', LIST, service, [known], signal)) as [string, readonly string[] | undefined]
    if (pairs === undefined) return { changes, instances: undefined }
    const instances: ServiceInstance[] = []
    for (let at = 0; at < pairs.length; at += 2) {
      const said = JSON.parse(pairs[at + 1] as string) as Pick<ServiceInstance, 'host' | 'port'>
      instances.push({ ...said, service, id: pairs[at] as string })
    }
    return { changes, instances }
  }

  #run(verb: string, script: RedisScript, service: string, args: readonly string[], signal: AbortSignal): Promise<unknown> {
    return this.#life.run(signal, async (either) => {
      const what = `${verb} ${service} at ${this.where}`
      await this.#connect(either)
      const link = this.#connection.require(what)
      try {
        return await unlessAborted(script.run(link, this.#keys(service), args), either)
      } catch (thrown) {
        throw either.aborted ? either.reason : redisError(thrown, what)
      }
    })
  }

  /** One of ours connects with its first use, and comes back by itself from then on. */
  async #connect(signal: AbortSignal): Promise<void> {
    if (this.#isOurs && this.#connection.link === undefined) await this.#connection.connect(signal)
  }

  #keys(service: string): readonly [string, string, string] {
    const name = `${this.#options.keyPrefix}{${service}}:`
    return [`${name}instances`, `${name}ends`, `${name}changes`]
  }
}
