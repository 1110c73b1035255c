import { type Clock, systemClock, type Timer } from './clock.ts'
import { CommunicationError } from './errors/errors.ts'
import { type Logger, silentLogger } from './logger.ts'
import { notify } from './notify.ts'
import { checkOptions, number, withDefaults, withMethods } from './options.ts'
import { checkTls, readTls, readTlsSync, type TlsMaterial, type TlsOptions } from './tls.ts'
import { checkTlsMaterial } from './tls-pair.ts'

export interface TlsReloaderOptions {
  /** How often the files are looked at. @default 10000 */
  readonly pollMs?: number
  /** @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const TLS_RELOADER_DEFAULTS: Readonly<Required<TlsReloaderOptions>> = Object.freeze({
  pollMs: 10_000,
  logger: silentLogger,
  clock: systemClock,
})

/** Files that are being written are looked at again so soon. */
const HALF_WRITTEN_MS = 1000

export type TlsListener = (material: TlsMaterial) => void

/**
 * TLS files that are replaced while the process runs, by a certificate manager or a mounted secret. The contents are compared,
 * not time stamps, so that renames, symbolic links and network folders all work. New material is used once it parses and
 * certificate and key belong together; until then, half-written files included, the last good one stays.
 *
 * It keeps no process alive; dispose it to stop looking.
 */
export class TlsReloader implements Disposable {
  readonly #what: string
  readonly #tls: TlsOptions
  readonly #options: Required<TlsReloaderOptions>
  readonly #listeners = new Set<TlsListener>()
  #current: TlsMaterial
  #problem: CommunicationError | undefined
  #reading: Promise<boolean> | undefined
  #timer: Timer | undefined
  #disposed = false

  /**
   * Reads the files at once, so that wrong ones are noticed at the start.
   * @param what names the options in messages, such as `HttpClient.tls`
   * @throws ConfigurationError for wrong options, files that cannot be read, and material that cannot be used
   */
  constructor(what: string, tls: TlsOptions, options: TlsReloaderOptions = {}) {
    checkTls(what, tls)
    checkOptions<TlsReloaderOptions>(`${what} reloading`, options, {
      pollMs: number({ above: 0 }),
      logger: withMethods('a Logger', 'info', 'warn'),
      clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
    })
    this.#what = what
    this.#tls = tls
    this.#options = withDefaults(TLS_RELOADER_DEFAULTS, options)
    this.#current = readTlsSync(what, tls)
    checkTlsMaterial(what, this.#current)
    if (hasFiles(tls)) this.#wait()
  }

  /** What to make the next connection with; the same object until it changes. */
  get current(): TlsMaterial {
    return this.#current
  }

  /** Why what is in the files now is not in use; undefined when it is. For health checks. */
  get problem(): CommunicationError | undefined {
    return this.#problem
  }

  /** Calls the listener with each new material, after `current` has changed. @returns stops that */
  onChange(listener: TlsListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Looks at the files now, at a signal for instance. Never rejects. @returns whether there was something new that can be used */
  reload(): Promise<boolean> {
    this.#reading ??= this.#reload().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#timer?.cancel()
    this.#listeners.clear()
  }

  #wait(): void {
    const { clock, pollMs } = this.#options
    const delayMs = this.#problem === undefined ? pollMs : Math.min(pollMs, HALF_WRITTEN_MS)
    this.#timer = clock.setTimer(delayMs, () => {
      void this.reload().finally(() => {
        if (!this.#disposed) this.#wait()
      })
    })
    this.#timer.unref?.()
  }

  async #reload(): Promise<boolean> {
    const { logger } = this.#options
    try {
      const material = await readTls(this.#what, this.#tls)
      if (this.#disposed) return false
      const isNew = !isSame(material, this.#current)
      if (isNew) checkTlsMaterial(this.#what, material)
      this.#problem = undefined
      if (!isNew) return false
      this.#current = material
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      if (error.message !== this.#problem?.message) {
        logger.warn(`${this.#what}: the files cannot be used as they are now, connections are made with what was read before`, {
          error,
        })
      }
      this.#problem = error
      return false
    }
    logger.info(`${this.#what}: the files were replaced, new connections use them`)
    for (const listener of this.#listeners) notify('TlsReloader.onChange', listener, this.#current)
    return true
  }
}

function hasFiles({ ca, caFile, cert, certFile, key, keyFile }: TlsOptions): boolean {
  const read = [ca === undefined && caFile, cert === undefined && certFile, key === undefined && keyFile]
  return read.some((file) => typeof file === 'string')
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return (['ca', 'cert', 'key'] as const).every((name) => String(one[name]) === String(other[name]))
}
