import {
  CommunicationError,
  notify,
  pause,
  ServiceUnavailableError,
  TimeoutError,
  type Timer,
  unlessAborted,
  withTimeLimit,
} from '@comm/core'
import { adopt, type InstanceList, NOBODY } from './instance-list.ts'
import type { ResolvedDiscovery } from './options.ts'
import { Recovery } from './recovery.ts'

/** The list of one service as all its users here share it: one watch, the last known good list, what is stale in it. */
export class ServiceFeed {
  readonly service: string
  readonly #options: ResolvedDiscovery
  readonly #whenUnused: () => void
  readonly #listeners = new Set<() => void>()
  readonly #recovery: Recovery
  readonly #stopped = new AbortController()
  #instances: InstanceList = NOBODY
  #isStale = false
  /** What the registry said last, whether it was told yet or not. */
  #latest: InstanceList = NOBODY
  #failure: CommunicationError | undefined
  #answer = firstAnswer()
  #isAnswered = false
  #quietUntil = 0
  #telling: Timer | undefined
  #users = 0
  #lingering: Timer | undefined
  #following: Promise<void> | undefined

  constructor(service: string, options: ResolvedDiscovery, whenUnused: () => void) {
    this.service = service
    this.#options = options
    this.#whenUnused = whenUnused
    this.#recovery = new Recovery(options, () => this.#tell())
  }

  get instances(): InstanceList {
    return this.#instances
  }

  get isStale(): boolean {
    return this.#isStale
  }

  get isStopped(): boolean {
    return this.#stopped.signal.aborted
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** Why the registry is away; undefined when it is not. */
  get failure(): CommunicationError | undefined {
    return this.#failure
  }

  /** Follows the list for one user more. @returns that it is one less; idempotent */
  use(): () => void {
    this.#users++
    this.#lingering?.cancel()
    this.#lingering = undefined
    this.#following ??= this.#follow(this.#stopped.signal)
    let isUsing = true
    return () => {
      if (!isUsing) return
      isUsing = false
      if (--this.#users > 0 || this.#stopped.signal.aborted) return
      this.#lingering = this.#options.clock.setTimer(this.#options.lingerMs, this.#whenUnused)
      this.#lingering.unref?.()
    }
  }

  /** @returns stops it; idempotent */
  listen(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** The first list is there. @throws CommunicationError why there is none within the limit; the signal's reason */
  async answered(signal: AbortSignal | undefined): Promise<void> {
    if (this.#isAnswered) return
    const { clock, readyTimeoutMs, registry } = this.#options
    const { promise } = this.#answer
    try {
      await withTimeLimit(clock, readyTimeoutMs, signal, (either) => unlessAborted(promise, either))
    } catch (thrown) {
      if (signal?.aborted || !(thrown instanceof TimeoutError) || thrown === this.#failure) throw thrown
      const why = this.#failure === undefined ? 'it has not answered' : `the last try failed: ${this.#failure.message}`
      throw new ServiceUnavailableError(
        `the instances of ${this.service} are not known: no list from ${registry.where} within ${readyTimeoutMs} ms (readyTimeoutMs); ${why}`,
        { cause: this.#failure ?? thrown, details: { service: this.service } },
      )
    }
  }

  /** Ends following. Idempotent; what was known stays readable. */
  async stop(reason: CommunicationError): Promise<void> {
    this.#stopped.abort(reason)
    this.#lingering?.cancel()
    this.#telling?.cancel()
    this.#recovery.end()
    this.#answer.reject(reason)
    await this.#following
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { registry, clock, backoff, random } = this.#options
    const watch = registry.watch(this.service)
    let retry = 0
    const onList = (list: InstanceList): void => {
      retry = 0
      if (!signal.aborted) this.#heard(list)
    }
    while (!signal.aborted) {
      try {
        await watch.run(onList, signal)
      } catch (thrown) {
        if (!signal.aborted) this.#lost(CommunicationError.from(thrown))
      }
      await pause(clock, backoff.delayMs({ retry: ++retry, previousMs: undefined, random }), signal)
    }
  }

  #lost(failure: CommunicationError): void {
    const { logger, registry } = this.#options
    const isNews = this.#failure === undefined
    this.#failure = failure
    const say = isNews ? logger.warn : logger.debug
    say.call(logger, `the list of ${this.service} cannot be followed at ${registry.where}`, {
      error: failure,
      service: this.service,
    })
    if (!this.#isAnswered && !failure.retryable) {
      this.#answer.reject(failure)
      this.#answer = firstAnswer()
    }
    if (isNews) this.#tell()
  }

  #heard(list: InstanceList): void {
    const { clock, coalesceMs, logger, registry } = this.#options
    this.#latest = list
    if (this.#failure !== undefined) {
      this.#failure = undefined
      logger.info(`the list of ${this.service} is followed again at ${registry.where}`, { service: this.service })
      if (this.#isAnswered) this.#recovery.begin(this.#instances)
    }
    this.#recovery.saw(list)
    if (this.#telling !== undefined) return
    const waitMs = this.#quietUntil - clock.now()
    if (!this.#isAnswered || coalesceMs === 0 || waitMs <= 0) this.#tell()
    else this.#telling = clock.setTimer(waitMs, () => this.#tell())
  }

  /** Users see what is known now. */
  #tell(): void {
    this.#telling?.cancel()
    this.#telling = undefined
    const isAway = this.#failure !== undefined
    const before = this.#instances
    const wasStale = this.#isStale
    this.#instances = adopt(before, this.#recovery.complete(this.#latest))
    this.#isStale = isAway || this.#recovery.isHolding
    if (!isAway && !this.#isAnswered) {
      this.#isAnswered = true
      this.#answer.resolve()
    }
    if (this.#instances === before && this.#isStale === wasStale) return
    this.#quietUntil = this.#options.clock.now() + this.#options.coalesceMs
    for (const listener of [...this.#listeners]) notify('a watcher of instances', listener, undefined)
  }
}

/** Nobody need wait for it. */
function firstAnswer(): PromiseWithResolvers<void> {
  const answer = Promise.withResolvers<void>()
  answer.promise.catch(() => undefined)
  return answer
}
