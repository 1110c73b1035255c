import { checkAccessToken } from './check-access-token.ts'
import { type Clock, systemClock } from './clock.ts'
import { runOutsideOfContext } from './context.ts'
import { AuthenticationError, CommunicationError } from './errors/errors.ts'
import { type Logger, silentLogger } from './logger.ts'
import { callable, checkArgument, checkOptions, nonEmptyText, number, withDefaults, withMethods } from './options.ts'
import type { AccessToken, TokenSource } from './token-source.ts'
import { unlessAborted, withTimeLimit } from './wait.ts'

export interface TokenCacheOptions {
  /** For messages: whose tokens. @default 'token source' */
  readonly name?: string
  /** So long before its end a token is replaced; never more than half of its life. @default 60000 */
  readonly refreshBeforeMs?: number
  /**
   * After a refresh that failed the held token is used so long before the next one is tried; and so long a token is used that was
   * fetched because the one before it was refused: a third would fare no better. @default 1000
   */
  readonly retryDelayMs?: number
  /** How long one fetch may take. @default 10000 */
  readonly timeoutMs?: number
  /** @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const TOKEN_CACHE_DEFAULTS: Readonly<Required<TokenCacheOptions>> = Object.freeze({
  name: 'token source',
  refreshBeforeMs: 60_000,
  retryDelayMs: 1000,
  timeoutMs: 10_000,
  logger: silentLogger,
  clock: systemClock,
})

/** Asks for a new token. It runs outside of every call's context: no caller's deadline ends what all of them wait for. */
export type FetchToken = (signal: AbortSignal) => AccessToken | Promise<AccessToken>

/**
 * Holds a token until shortly before its end and fetches the next in the background while the old one still holds: once at a
 * time for all callers. A refresh that fails is tried again while the held token lasts; only then do callers see the failure.
 *
 * @throws ConfigurationError
 */
export function cachedTokenSource(fetch: FetchToken, options: TokenCacheOptions = {}): TokenSource {
  checkArgument('cachedTokenSource fetch', fetch, callable)
  checkOptions<TokenCacheOptions>('cachedTokenSource', options, {
    name: nonEmptyText,
    refreshBeforeMs: number({ min: 0 }),
    retryDelayMs: number({ min: 0 }),
    timeoutMs: number({ above: 0 }),
    logger: withMethods('a Logger', 'warn'),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  return new CachedTokenSource(fetch, withDefaults(TOKEN_CACHE_DEFAULTS, options))
}

class CachedTokenSource implements TokenSource {
  readonly #fetch: FetchToken
  readonly #options: Required<TokenCacheOptions>
  #held: AccessToken | undefined
  /** Epoch milliseconds, like `expiresAt`. */
  #refreshAt = Number.POSITIVE_INFINITY
  #fetching: Promise<AccessToken> | undefined
  #droppedAt = Number.NEGATIVE_INFINITY

  constructor(fetch: FetchToken, options: Required<TokenCacheOptions>) {
    this.#fetch = fetch
    this.#options = options
  }

  token(signal?: AbortSignal): AccessToken | Promise<AccessToken> {
    const held = this.#held
    const now = this.#options.clock.wall()
    if (held === undefined || now >= (held.expiresAt ?? Number.POSITIVE_INFINITY)) return unlessAborted(this.#next(), signal)
    if (now >= this.#refreshAt && this.#fetching === undefined) this.#refresh()
    return held
  }

  refused(token: AccessToken): void {
    const { clock, retryDelayMs } = this.#options
    if (token.value !== this.#held?.value || clock.now() - this.#droppedAt < retryDelayMs) return
    this.#held = undefined
    this.#droppedAt = clock.now()
  }

  #refresh(): void {
    const { clock, logger, name, retryDelayMs } = this.#options
    this.#next().catch((error: CommunicationError) => {
      this.#refreshAt = clock.wall() + retryDelayMs
      logger.warn(`${name}: the access token could not be refreshed, the held one is used until its end`, { error })
    })
  }

  #next(): Promise<AccessToken> {
    this.#fetching ??= runOutsideOfContext(() => this.#fetchOne()).finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetchOne(): Promise<AccessToken> {
    const { clock, name, refreshBeforeMs, timeoutMs } = this.#options
    try {
      const late = `${name}: no access token came`
      const token = await withTimeLimit(
        clock,
        timeoutMs,
        undefined,
        async (signal) => {
          const fetched = Promise.resolve(this.#fetch(signal))
          return await unlessAborted(fetched, signal)
        },
        late,
      )
      checkAccessToken(token)
      const lifeMs = (token.expiresAt ?? Number.POSITIVE_INFINITY) - clock.wall()
      this.#refreshAt = (token.expiresAt ?? Number.POSITIVE_INFINITY) - Math.min(refreshBeforeMs, Math.max(0, lifeMs / 2))
      this.#held = token
      return token
    } catch (thrown) {
      const cause = CommunicationError.from(thrown)
      // With a target, so that a server does not take it for what its own caller did wrong.
      const details = { target: name }
      throw new AuthenticationError(`${name} has no access token: ${cause.message}`, {
        cause,
        retryable: cause.retryable,
        details,
      })
    }
  }
}
