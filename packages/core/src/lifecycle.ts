import { type Clock, sleep, systemClock } from './clock.ts'
import { CommunicationError, TimeoutError } from './errors/errors.ts'
import { downBecause, type Health, UP } from './health.ts'
import { type Logger, silentLogger } from './logger.ts'
import { checkArgument, checkOptions, nonEmptyText, number, oneOf, withDefaults, withMethods } from './options.ts'

/**
 * Something with a beginning and an end. Every step is optional and idempotent, works while disconnected and without an
 * earlier `start`, and gives up when its signal aborts.
 */
export interface Component {
  /** Unique in its lifecycle. */
  readonly name: string
  /** Resolves when the component is usable. */
  start?(signal: AbortSignal): Promise<void> | void
  /** Takes no new work; work in flight goes on. */
  stopIntake?(signal: AbortSignal): Promise<void> | void
  /** Resolves when the work in flight is finished. */
  drain?(signal: AbortSignal): Promise<void> | void
  /** Sends out what is still buffered: messages, spans, log lines. */
  flush?(signal: AbortSignal): Promise<void> | void
  /** Lets go of connections and timers. */
  close?(signal: AbortSignal): Promise<void> | void
  health?(signal: AbortSignal): Promise<Health> | Health
}

/** `start`: the component was still starting when the stop began. */
export type StopPhase = 'start' | 'stopIntake' | 'drain' | 'flush' | 'close'

/** A step of a stop that did not end in time, or failed. */
export interface StopProblem {
  readonly component: string
  readonly phase: StopPhase
  readonly error: CommunicationError
}

export interface StopReport {
  readonly durationMs: number
  /** Empty after a clean stop. */
  readonly problems: readonly StopProblem[]
}

export interface HealthReport {
  /** No component is `down`. */
  readonly isHealthy: boolean
  readonly components: Readonly<Record<string, Health>>
}

export interface LifecycleOptions {
  /** Time for the whole stop, the delay included. @default 10000 */
  readonly stopBudgetMs?: number
  /** How long readiness is red before intake stops, so that load balancers notice; less than the budget. @default 0 */
  readonly readinessDelayMs?: number
  /** How long one component may take to answer a health check. @default 2000 */
  readonly healthTimeoutMs?: number
  /** @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const LIFECYCLE_DEFAULTS: Readonly<Required<LifecycleOptions>> = Object.freeze({
  stopBudgetMs: 10_000,
  readinessDelayMs: 0,
  healthTimeoutMs: 2000,
  logger: silentLogger,
  clock: systemClock,
})

/** The share of the budget after which a phase has ended, whatever blocks in it: time is left for the phases that follow. */
const ENDS_AT: Readonly<Record<StopPhase, number>> = { start: 0.3, stopIntake: 0.4, drain: 0.75, flush: 0.85, close: 1 }

export type LifecycleState = 'new' | 'starting' | 'ready' | 'stopping' | 'stopped'

/** Starts components in the order they were added, and stops them in phases: nothing accepted is dropped while time is left. */
export class Lifecycle implements AsyncDisposable {
  readonly #components: Component[] = []
  readonly #options: Required<LifecycleOptions>
  readonly #stopped = new AbortController()
  #state: LifecycleState = 'new'
  /** The component that starts right now. */
  #inStart: { readonly component: Component; readonly settled: Promise<void> } | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined

  constructor(options: LifecycleOptions = {}) {
    checkOptions<LifecycleOptions>('lifecycle', options, {
      stopBudgetMs: number({ min: 0 }),
      readinessDelayMs: number({ min: 0 }),
      healthTimeoutMs: number({ min: 0 }),
      logger: withMethods('a Logger', 'debug', 'warn', 'error'),
      clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
    })
    this.#options = withDefaults(LIFECYCLE_DEFAULTS, options)
    const { readinessDelayMs, stopBudgetMs } = this.#options
    checkArgument('lifecycle.readinessDelayMs', readinessDelayMs, {
      expected: `less than stopBudgetMs (${stopBudgetMs})`,
      accepts: () => readinessDelayMs === 0 || readinessDelayMs < stopBudgetMs,
    })
  }

  /** True between a finished start and the beginning of the stop: what `/ready` answers. */
  get isReady(): boolean {
    return this.#state === 'ready'
  }

  get state(): LifecycleState {
    return this.#state
  }

  /**
   * Adds a component; what it depends on must have been added before. One that is added after `start` has ended is stopped
   * with the others, but starts itself (on first use).
   * @throws CommunicationError COMM_CLOSED once the stop has begun
   * @throws ConfigurationError when the name is empty or taken
   */
  add(component: Component): void {
    const { name } = component
    checkArgument('component.name', name, nonEmptyText)
    checkArgument('component.name', name, { expected: 'unique in its lifecycle', accepts: () => !this.#has(name) })
    if (this.#stopping !== undefined) throw closed(`component ${name} was added after the stop had begun`)
    this.#components.push(component)
  }

  #has(name: string): boolean {
    return this.#components.some((component) => component.name === name)
  }

  /**
   * Starts all, one after the other. When one fails, everything is stopped again and its error is thrown.
   * Later calls give the same promise.
   * @throws CommunicationError COMM_ABORTED when `stop` was called meanwhile, COMM_CLOSED when it was called before
   */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    if (this.#stopping !== undefined) throw closed('the lifecycle was started after it had been stopped')
    this.#state = 'starting'
    const { logger } = this.#options
    const { signal } = this.#stopped
    for (const component of this.#components) {
      try {
        await this.#startOne(component, signal)
      } catch (thrown) {
        if (!signal.aborted) logger.error(`${component.name} did not start`, { error: thrown })
        const reason: unknown = signal.aborted ? signal.reason : thrown
        await this.stop()
        throw CommunicationError.from(reason)
      }
      logger.debug(`${component.name} started`)
    }
    this.#state = 'ready'
  }

  /** Rejects as soon as the stop begins, also when the component does not heed the signal. */
  async #startOne(component: Component, signal: AbortSignal): Promise<void> {
    const started = Promise.resolve().then(() => component.start?.(signal))
    this.#inStart = { component, settled: started.catch(() => undefined) }
    let giveUp: (() => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      giveUp = () => reject(signal.reason)
      signal.addEventListener('abort', giveUp)
    })
    try {
      await Promise.race([started, aborted])
      this.#inStart = undefined
    } finally {
      if (giveUp !== undefined) signal.removeEventListener('abort', giveUp)
    }
    signal.throwIfAborted()
  }

  /**
   * Readiness red, delay, stop intake, finish what is in flight, flush, close (latest first, one after the other). Never
   * throws, never takes longer than the budget; what blocked or failed is in the report. Later calls give the same report.
   */
  stop(): Promise<StopReport> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<StopReport> {
    const { clock, stopBudgetMs, readinessDelayMs, logger } = this.#options
    const begunAt = clock.now()
    const wasReady = this.#state === 'ready'
    this.#state = 'stopping'
    this.#stopped.abort(new CommunicationError('the lifecycle was stopped while it was starting', { code: 'COMM_ABORTED' }))
    if (wasReady && readinessDelayMs > 0) await sleep(readinessDelayMs, { clock })

    const phasesFrom = clock.now()
    const endOf = (phase: StopPhase): number => phasesFrom + (begunAt + stopBudgetMs - phasesFrom) * ENDS_AT[phase]
    const problems: StopProblem[] = []
    const step = async (component: Component, phase: StopPhase, by: number): Promise<void> => {
      const run = phase === 'start' ? () => this.#inStart?.settled : component[phase]?.bind(component)
      if (run === undefined) return
      try {
        await within(clock, by - clock.now(), `${component.name} ${phase}`, run)
      } catch (thrown) {
        const error = CommunicationError.from(thrown)
        problems.push({ component: component.name, phase, error })
        logger.warn(`${component.name} did not finish ${phase}`, { error })
      }
    }
    const latestFirst = this.#components.toReversed()
    if (this.#inStart !== undefined) await step(this.#inStart.component, 'start', endOf('start'))
    for (const phase of ['stopIntake', 'drain', 'flush'] as const) {
      await Promise.all(latestFirst.map((component) => step(component, phase, endOf(phase))))
    }
    for (const [done, component] of latestFirst.entries()) {
      const fairShare = (endOf('close') - clock.now()) / (latestFirst.length - done)
      await step(component, 'close', clock.now() + fairShare)
    }
    this.#state = 'stopped'
    return { durationMs: clock.now() - begunAt, problems }
  }

  /** Asks every component; one that throws or does not answer in time is `down`. Never throws. */
  async healthCheck(): Promise<HealthReport> {
    const answers = await Promise.all(
      this.#components.map(async (component) => [component.name, await this.#healthOf(component)] as const),
    )
    return { isHealthy: answers.every(([, { status }]) => status !== 'down'), components: Object.fromEntries(answers) }
  }

  async #healthOf(component: Component): Promise<Health> {
    const { clock, healthTimeoutMs } = this.#options
    try {
      if (component.health === undefined) return UP
      const ask = component.health.bind(component)
      const answer = await within(clock, healthTimeoutMs, `${component.name} health check`, ask)
      checkArgument(`the health of ${component.name}`, answer?.status, oneOf('up', 'degraded', 'down'))
      return answer
    } catch (thrown) {
      return downBecause(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function closed(message: string): CommunicationError {
  return new CommunicationError(message, { code: 'COMM_CLOSED' })
}

/** Runs one step with a time limit of its own; a step that ignores its signal is left behind, not waited for. */
function within<Result>(
  clock: Clock,
  ms: number,
  what: string,
  run: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const limitMs = Math.max(0, ms)
  return new Promise<Result>((resolve, reject) => {
    const timer = clock.setTimer(limitMs, () => {
      const error = new TimeoutError(`${what} did not end within ${Math.round(limitMs)} ms`)
      controller.abort(error)
      reject(error)
    })
    Promise.resolve(controller.signal)
      .then(run)
      .finally(() => timer.cancel())
      .then(resolve, reject)
  })
}
