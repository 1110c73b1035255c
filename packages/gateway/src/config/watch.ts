import {
  type Clock,
  CommunicationError,
  type Component,
  type Health,
  type Logger,
  silentLogger,
  systemClock,
  type Timer,
  UP,
} from '@comm/core'
import {
  callable,
  checkOptions,
  nonEmptyText,
  number,
  object,
  type Rules,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { GatewayFileConfig } from './gateway-options.ts'
import type { ConfigParts } from './parts.ts'
import type { ReloadReport } from './running-settings.ts'
import { readConfigFiles } from './yaml.ts'

export interface ConfigWatchOptions {
  /** Of YAML or JSON; files that it names are looked at too. */
  readonly file: string
  /** What `{ use: name }` in it stands for. @default {} */
  readonly parts?: ConfigParts
  /** How often the files are looked at. @default 2000 */
  readonly pollMs?: number
  /** Called after each configuration that was taken on. */
  readonly onReload?: (config: GatewayFileConfig, report: ReloadReport) => void
  /** @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const CONFIG_WATCH_DEFAULTS: Readonly<Required<Omit<ConfigWatchOptions, 'file' | 'onReload'>>> = Object.freeze({
  parts: Object.freeze({}),
  pollMs: 2000,
  logger: silentLogger,
  clock: systemClock,
})

const RULES: Rules<ConfigWatchOptions> = {
  file: required(nonEmptyText),
  parts: object,
  pollMs: number({ above: 0 }),
  onReload: callable,
  logger: withMethods('a Logger', 'info', 'error'),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
}

/**
 * Gives a gateway the configuration of a file whenever it changes: checked whole, then taken on whole. A file that is wrong, or gone, changes
 * nothing: what was there before holds on, and the log and `health()` say what is wrong. Contents are compared, not time stamps, so that
 * renames, symbolic links and mounted configuration maps all work. A component of a `Lifecycle`; it keeps no process alive.
 */
export class ConfigWatch implements Component, Disposable {
  readonly name: string
  readonly #gateway: { reload(config: GatewayFileConfig): ReloadReport }
  readonly #options: ConfigWatchOptions & typeof CONFIG_WATCH_DEFAULTS
  #contents: readonly Buffer[] | undefined
  #problem: CommunicationError | undefined
  #looking: Promise<boolean> | undefined
  #timer: Timer | undefined
  #isClosed = false

  /** @throws ConfigurationError */
  constructor(gateway: { readonly name: string; reload(config: GatewayFileConfig): ReloadReport }, options: ConfigWatchOptions) {
    checkOptions<ConfigWatchOptions>('ConfigWatch', options, RULES)
    this.#gateway = gateway
    this.#options = withDefaults<ConfigWatchOptions, keyof typeof CONFIG_WATCH_DEFAULTS>(CONFIG_WATCH_DEFAULTS, options)
    this.name = `configuration of ${gateway.name}`
  }

  /** Why what is in the file now is not in use; undefined when it is. */
  get problem(): CommunicationError | undefined {
    return this.#problem
  }

  /** Takes on what is in the file, and goes on looking. A file that is wrong now is a problem like one that gets wrong later. Idempotent. */
  async start(): Promise<void> {
    await this.reload()
    if (this.#timer === undefined) this.#wait()
  }

  /** Looks at the file now. Never rejects. @returns whether another configuration was taken on */
  reload(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  health(): Health {
    return this.#problem === undefined ? UP : { status: 'degraded', reason: this.#problem.message }
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #wait(): void {
    if (this.#isClosed) return
    const { clock, pollMs } = this.#options
    this.#timer = clock.setTimer(pollMs, () => {
      void this.reload().finally(() => this.#wait())
    })
    this.#timer.unref?.()
  }

  async #look(): Promise<boolean> {
    const { file, parts, logger, onReload } = this.#options
    try {
      const { config, contents } = await readConfigFiles(file, parts)
      if (this.#isClosed) return false
      if (this.#problem === undefined && isSame(contents, this.#contents)) return false
      const report = this.#gateway.reload(config)
      this.#contents = contents
      this.#problem = undefined
      logger.info(`${file} has been taken on`)
      onReload?.(config, report)
      return true
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      if (error.message !== this.#problem?.message)
        logger.error(`${file} cannot be used as it is now; the gateway goes on with the configuration that it has`, { error })
      this.#problem = error
      return false
    }
  }
}

function isSame(some: readonly Buffer[], others: readonly Buffer[] | undefined): boolean {
  return some.length === others?.length && some.every((content, at) => content.equals(others[at] as Buffer))
}
