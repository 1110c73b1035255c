import { type Clock, CommunicationError, type Logger, silentLogger, systemClock, withTimeLimit } from '@comm/core'
import { callable, checkOptions, number, type Rule, required, withDefaults, withMethods } from '@comm/core/options'
import { refused, undecided } from '../refusal.ts'
import { keySetOf } from './jwks.ts'
import type { KeyHint, KeySet, KeySource } from './key-source.ts'
import type { Key } from './keys.ts'
import { unknownKey } from './local-keys.ts'

/** The `fetch` of the platform, or one that goes through a proxy, presents a certificate … */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface RemoteJwksOptions {
  /** Where the provider publishes its keys (RFC 7517, 5); `jwks_uri` of its metadata. https, or http on a loopback address. */
  readonly url: string
  /** How long fetched keys count as fresh; shortly before that they are fetched in the background. @default 600000 (10 min) */
  readonly cacheMaxAgeMs?: number
  /** At most one fetch in so long, whatever tokens come: a key that nobody knows, or a provider that is away, causes no more. @default 30000 */
  readonly cooldownMs?: number
  /** So long after they were fetched keys are still used while the provider is away. @default 86400000 (a day) */
  readonly staleIfErrorMs?: number
  /** @default 5000 */
  readonly timeoutMs?: number
  /** Largest answer in bytes. @default 262144 */
  readonly maxBytes?: number
  /** @default globalThis.fetch */
  readonly fetch?: Fetch
  /** @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const REMOTE_JWKS_DEFAULTS: Readonly<Required<Omit<RemoteJwksOptions, 'url' | 'fetch'>>> = Object.freeze({
  cacheMaxAgeMs: 600_000,
  cooldownMs: 30_000,
  staleIfErrorMs: 86_400_000,
  timeoutMs: 5000,
  maxBytes: 262_144,
  logger: silentLogger,
  clock: systemClock,
})

/** Share of the age after which keys are fetched in the background, so that no token has to wait for it. */
const REFRESH_AT = 0.8

/** Keys that an identity provider publishes. */
export interface RemoteJwks extends KeySource {
  /** Fetches the keys before the first token comes. @throws ServiceUnavailableError COMM_KEYS_UNAVAILABLE */
  ready(): Promise<void>
}

/**
 * The keys of a provider, fetched when first needed and kept: one fetch under way at a time, one in `cooldownMs`. While the provider is
 * away the last keys serve on, for `staleIfErrorMs`.
 * @throws ConfigurationError
 */
export function remoteJwks(options: RemoteJwksOptions): RemoteJwks {
  checkOptions<RemoteJwksOptions>('remoteJwks', options, {
    url: required(secureUrl),
    cacheMaxAgeMs: number({ above: 0 }),
    cooldownMs: number({ min: 0 }),
    staleIfErrorMs: number({ min: 0, infinite: true }),
    timeoutMs: number({ above: 0 }),
    maxBytes: number({ min: 1 }),
    fetch: callable,
    logger: withMethods('a Logger', 'warn', 'info'),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  return new ProviderKeys(withDefaults(REMOTE_JWKS_DEFAULTS, options))
}

/** Keys and tokens do not travel in the clear. */
export const secureUrl: Rule = {
  expected: 'an https: URL without credentials, or http: on a loopback address',
  accepts: (value) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return false
    const { protocol, hostname, username, password } = new URL(value)
    if (username !== '' || password !== '') return false
    return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  },
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}

class ProviderKeys implements RemoteJwks {
  readonly isRemote = true
  readonly #options: typeof REMOTE_JWKS_DEFAULTS & RemoteJwksOptions
  #keys: KeySet | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined
  #lastError: CommunicationError | undefined

  constructor(options: typeof REMOTE_JWKS_DEFAULTS & RemoteJwksOptions) {
    this.#options = options
  }

  async ready(): Promise<void> {
    await this.#refresh()
    if (this.#keys === undefined) throw this.#unavailable()
  }

  find(hint: KeyHint): readonly Key[] | Promise<readonly Key[]> {
    const ageMs = this.#options.clock.now() - this.#fetchedAt
    if (ageMs < this.#options.cacheMaxAgeMs) {
      const found = this.#keys?.find(hint) ?? []
      if (found.length > 0) {
        if (ageMs > this.#options.cacheMaxAgeMs * REFRESH_AT) void this.#refresh()
        return found
      }
    }
    return this.#findAnew(hint)
  }

  /** There are no keys, they are too old, or none of them is the one. */
  async #findAnew(hint: KeyHint): Promise<readonly Key[]> {
    await this.#refresh()
    const { clock, staleIfErrorMs } = this.#options
    if (this.#keys === undefined || clock.now() - this.#fetchedAt > staleIfErrorMs) throw this.#unavailable()
    const found = this.#keys.find(hint)
    if (found.length > 0) return found
    // A new key that cannot be fetched is no wrong key.
    if (this.#lastError !== undefined) throw this.#unavailable()
    throw refused('unknown-key', unknownKey(hint))
  }

  #unavailable(): CommunicationError {
    const { clock, cooldownMs, url } = this.#options
    const why = this.#lastError === undefined ? '' : `: ${this.#lastError.message}`
    return undecided(`the keys of ${url} cannot be fetched${why}`, this.#lastError, this.#triedAt + cooldownMs - clock.now())
  }

  /** Fetches the keys, unless that was tried a moment ago. Never rejects. */
  async #refresh(): Promise<void> {
    const { clock, cooldownMs } = this.#options
    if (this.#fetching === undefined) {
      if (clock.now() - this.#triedAt < cooldownMs) return
      this.#triedAt = clock.now()
      this.#fetching = this.#fetch().finally(() => {
        this.#fetching = undefined
      })
    }
    await this.#fetching
  }

  async #fetch(): Promise<void> {
    const { clock, logger, timeoutMs, url } = this.#options
    try {
      const keys = await withTimeLimit(clock, timeoutMs, undefined, (signal) => this.#download(signal), 'not answered')
      if (this.#lastError !== undefined) logger.info(`the keys of ${url} can be fetched again`)
      this.#keys = keys
      this.#fetchedAt = clock.now()
      this.#lastError = undefined
    } catch (thrown) {
      this.#lastError = CommunicationError.from(thrown)
      logger.warn(`the keys of ${url} cannot be fetched`, { error: this.#lastError, hasOlder: this.#keys !== undefined })
    }
  }

  async #download(signal: AbortSignal): Promise<KeySet> {
    const { fetch = globalThis.fetch, maxBytes, url } = this.#options
    const headers = { accept: 'application/jwk-set+json, application/json' }
    // A redirect would lead to where nobody looked whether it may be trusted.
    const response = await fetch(url, { headers, signal, redirect: 'error' })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`answered ${response.status} instead of 200`)
    }
    return keySetOf(await readLimited(response, maxBytes), this.#options.logger, url)
  }
}

/** @throws Error when there is more */
export async function readLimited(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new Error(`answered with more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
