import { type Clock, sleep, systemClock } from './clock.ts'
import { CommunicationError, TimeoutError } from './errors/errors.ts'
import { type Health, UP } from './health.ts'
import { type Logger, silentLogger } from './logger.ts'

/**
 * Something with a beginning and an end. Every step is optional and idempotent, works while disconnected, and gives up
 * when its signal aborts.
 */
export interface Component {
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
  health?(): Promise<Health> | Health
}

export type StopPhase = 'stopIntake' | 'drain' | 'flush' | 'close'

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
  /** How long readiness is red before intake stops, so that load balancers notice. @default 0 */
  readonly readinessDelayMs?: number
  /** How long one component may take to answer a health check. @default 2000 */
  readonly healthTimeoutMs?: number
  readonly logger?: Logger
  readonly clock?: Clock
}

export const LIFECYCLE_DEFAULTS = { stopBudgetMs: 10_000, readinessDelayMs: 0, healthTimeoutMs: 2000 } as const

/** `close` gets this share of the budget for itself even when an earlier phase blocks. */
const CLOSE_SHARE = 0.2

type State = 'new' | 'starting' | 'ready' | 'stopping' | 'stopped'

/** Starts components in the order they were added, and stops them in phases: nothing accepted is dropped while time is left. */
export class Lifecycle implements AsyncDisposable {
  readonly #components: Component[] = []
  readonly #options: Required<LifecycleOptions>
  readonly #aborted = new AbortController()
  #state: State = 'new'
  #starting: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined

  constructor(options: LifecycleOptions = {}) {
    this.#options = { ...LIFECYCLE_DEFAULTS, logger: silentLogger, clock: systemClock, ...options }
  }

  /** True between a finished start and the beginning of the stop: what `/ready` answers. */
  get isReady(): boolean {
    return this.#state === 'ready'
  }

  get state(): State {
    return this.#state
  }

  /** Adds a component; what it depends on must have been added before. @throws CommunicationError once the stop has begun */
  add(component: Component): void {
    if (this.#state === 'stopping' || this.#state === 'stopped') {
      throw new CommunicationError(`component ${component.name} was added after the stop had begun`, { code: 'COMM_CLOSED' })
    }
    this.#components.push(component)
  }

  /** Starts all, in order. When one fails, those already started are stopped again and its error is thrown. */
  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    this.#state = 'starting'
    for (const component of this.#components) {
      try {
        await component.start?.(this.#aborted.signal)
      } catch (thrown) {
        this.#options.logger.error(`${component.name} did not start`, { error: thrown })
        await this.stop()
        throw CommunicationError.from(thrown)
      }
      if (this.#aborted.signal.aborted) return
      this.#options.logger.debug(`${component.name} started`)
    }
    if (this.#state === 'starting') this.#state = 'ready'
  }

  /**
   * Readiness red, delay, stop intake, finish what is in flight, flush, close. Never throws, never takes longer than the
   * budget; what blocked or failed is in the report. Later calls give the same report.
   */
  stop(): Promise<StopReport> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<StopReport> {
    const { clock, stopBudgetMs, readinessDelayMs, logger } = this.#options
    const begunAt = clock.now()
    const closeBy = begunAt + stopBudgetMs
    const finishBy = closeBy - stopBudgetMs * CLOSE_SHARE
    const problems: StopProblem[] = []
    const wasReady = this.#state === 'ready'
    this.#state = 'stopping'
    this.#aborted.abort(new CommunicationError('the component was stopped while it was starting', { code: 'COMM_ABORTED' }))
    if (wasReady && readinessDelayMs > 0) await sleep(Math.min(readinessDelayMs, finishBy - begunAt), { clock })

    const phase = (name: StopPhase, component: Component, by: number): Promise<void> =>
      this.#step(name, component, by).catch((thrown: unknown) => {
        const problem = { component: component.name, phase: name, error: CommunicationError.from(thrown) }
        problems.push(problem)
        logger.warn(`${component.name} did not finish ${name}`, { error: problem.error })
      })
    const latestFirst = this.#components.toReversed()
    await Promise.all(latestFirst.map((component) => phase('stopIntake', component, finishBy)))
    await Promise.all(latestFirst.map((component) => phase('drain', component, finishBy)))
    await Promise.all(latestFirst.map((component) => phase('flush', component, finishBy)))
    for (const component of latestFirst) await phase('close', component, closeBy)
    this.#state = 'stopped'
    return { durationMs: clock.now() - begunAt, problems }
  }

  async #step(phase: StopPhase, component: Component, by: number): Promise<void> {
    const run = component[phase]
    if (run === undefined) return
    await within(this.#options.clock, by - this.#options.clock.now(), `${component.name} ${phase}`, (signal) =>
      run.call(component, signal),
    )
  }

  /** Asks every component; one that throws or does not answer in time is `down`. Never throws. */
  async health(): Promise<HealthReport> {
    const { clock, healthTimeoutMs } = this.#options
    const answers = await Promise.all(
      this.#components.map(async (component): Promise<[string, Health]> => {
        try {
          const answer = await within(clock, healthTimeoutMs, `${component.name} health check`, () => component.health?.() ?? UP)
          return [component.name, answer]
        } catch (thrown) {
          return [component.name, { status: 'down', reason: CommunicationError.from(thrown).message }]
        }
      }),
    )
    return { isHealthy: answers.every(([, health]) => health.status !== 'down'), components: Object.fromEntries(answers) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Runs one step with a time limit of its own; a step that ignores its signal is left behind, not waited for. */
async function within<Result>(
  clock: Clock,
  ms: number,
  what: string,
  run: (signal: AbortSignal) => Result | Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  return new Promise<Result>((resolve, reject) => {
    const timer = clock.setTimer(Math.max(0, ms), () => {
      const error = new TimeoutError(`${what} did not end within ${Math.round(Math.max(0, ms))} ms`)
      controller.abort(error)
      reject(error)
    })
    Promise.resolve()
      .then(() => run(controller.signal))
      .then(resolve, reject)
      .finally(() => timer.cancel())
  })
}
