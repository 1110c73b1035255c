import { CommunicationError, pause, unlessAborted, withTimeLimit } from '@comm/core'
import type { ResolvedDiscovery } from './options.ts'
import type { Registration, ServiceInstance } from './registry.ts'

/** An instance that is registered for as long as this lives. */
export interface InstanceRegistration extends AsyncDisposable {
  readonly instance: ServiceInstance
  /** The registry knows it, as far as the last heartbeat says. */
  readonly isRegistered: boolean
  /** Why the last try was in vain; undefined when it was not. */
  readonly failure: CommunicationError | undefined
  /**
   * Makes it unknown, and stops its heart. Idempotent. Never rejects: where the registry cannot be told within `requestTimeoutMs`, the log says
   * so, and the instance is listed until its time to live is over.
   */
  deregister(): Promise<void>
}

const JITTER = 0.1

/** Registers, beats the heart, and registers anew what the registry has lost, until it is told to stop. */
export class KeptRegistration implements InstanceRegistration {
  readonly #options: ResolvedDiscovery
  readonly #registration: Registration
  readonly #onEnd: () => void
  readonly #stopped = new AbortController()
  readonly #first = Promise.withResolvers<void>()
  readonly #keeping: Promise<void>
  #isRegistered = false
  #failure: CommunicationError | undefined
  #deregistering: Promise<void> | undefined

  constructor(registration: Registration, options: ResolvedDiscovery, onEnd: () => void) {
    this.#registration = registration
    this.#options = options
    this.#onEnd = onEnd
    this.#first.promise.catch(() => undefined)
    this.#keeping = this.#keep(this.#stopped.signal)
  }

  get instance(): ServiceInstance {
    return this.#registration.instance
  }

  get isRegistered(): boolean {
    return this.#isRegistered
  }

  get failure(): CommunicationError | undefined {
    return this.#failure
  }

  /** Resolves when it is registered. @throws CommunicationError that no further try will change; the signal's reason */
  registered(signal: AbortSignal | undefined): Promise<void> {
    return unlessAborted(this.#first.promise, signal)
  }

  deregister(): Promise<void> {
    this.#deregistering ??= this.#deregister()
    return this.#deregistering
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.deregister()
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, random, heartbeatMs, backoff } = this.#options
    for (let failures = 0; !signal.aborted; ) {
      failures = (await this.#beat(signal)) ? 0 : failures + 1
      // While the registry is away it is tried no less often than a heart beats: it may have been back for so long at most.
      const retryMs =
        failures === 0 ? Number.POSITIVE_INFINITY : backoff.delayMs({ retry: failures, previousMs: undefined, random })
      await pause(clock, Math.min(retryMs, heartbeatMs * (1 + JITTER * (2 * random() - 1))), signal)
    }
  }

  /** @returns whether it is registered now */
  async #beat(signal: AbortSignal): Promise<boolean> {
    const { registry, logger } = this.#options
    const { instance } = this.#registration
    try {
      if (this.#isRegistered && (await this.#limited(signal, (limit) => registry.renew(this.#registration, limit))) === 'kept')
        return this.#is()
      if (signal.aborted) return false
      if (this.#isRegistered)
        logger.warn(`${registry.where} has lost ${describe(instance)}: it is registered anew`, { service: instance.service })
      this.#isRegistered = false
      await this.#limited(signal, (limit) => registry.register(this.#registration, limit))
      if (!signal.aborted) logger.info(`${describe(instance)} is registered at ${registry.where}`, { service: instance.service })
      return this.#is()
    } catch (thrown) {
      if (!signal.aborted) this.#failed(CommunicationError.from(thrown))
      return false
    }
  }

  #is(): true {
    this.#isRegistered = true
    this.#failure = undefined
    this.#first.resolve()
    return true
  }

  #failed(failure: CommunicationError): void {
    const { logger, registry } = this.#options
    const { instance } = this.#registration
    const say = this.#failure === undefined ? logger.warn : logger.debug
    say.call(logger, `the heartbeat of ${describe(instance)} did not reach ${registry.where}`, {
      error: failure,
      service: instance.service,
    })
    this.#failure = failure
    if (!failure.retryable) this.#first.reject(failure)
  }

  async #deregister(): Promise<void> {
    const { registry, logger } = this.#options
    const { instance } = this.#registration
    const reason = new CommunicationError(`${describe(instance)} was deregistered`, { code: 'COMM_ABORTED' })
    this.#stopped.abort(reason)
    this.#first.reject(reason)
    await this.#keeping
    try {
      // Also where no answer said that it is registered: the last try may have got through.
      await this.#limited(undefined, (limit) => registry.deregister(this.#registration, limit))
      logger.info(`${describe(instance)} is deregistered from ${registry.where}`, { service: instance.service })
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      const text = `${describe(instance)} could not be deregistered from ${registry.where}: it stays listed until its time to live is over`
      logger.warn(text, { error, service: instance.service, ttlMs: this.#registration.ttlMs })
    }
    this.#isRegistered = false
    this.#onEnd()
  }

  #limited<Result>(signal: AbortSignal | undefined, request: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { clock, requestTimeoutMs, registry } = this.#options
    return withTimeLimit(
      clock,
      requestTimeoutMs,
      signal,
      (limit) => unlessAborted(request(limit), limit),
      `${registry.where} did not answer`,
    )
  }
}

function describe({ service, id, host, port }: ServiceInstance): string {
  const where = `${host}:${port}`
  return id === where ? `${service} at ${where}` : `${service} ${id} at ${where}`
}
