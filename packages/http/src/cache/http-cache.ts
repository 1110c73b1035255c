import { type CacheStore, type Health, MemoryCacheStore } from '@comm/core'
import { AcrossProcesses } from './across-processes.ts'
import { type Answer, answerFrom, gatewayTimeout } from './answers.ts'
import { type Asked, NOTHING_ASKED, readAsked } from './asked.ts'
import type { CacheableRequest, Forward } from './cacheable-request.ts'
import { type Fetched, Fetcher } from './fetcher.ts'
import { FetchesUnderWay } from './fetches-under-way.ts'
import { Flight } from './flight.ts'
import { GuardedStore } from './guarded-store.ts'
import { affectedUrls, isSafe } from './invalidating.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { type HttpCacheOptions, type ResolvedCache, resolveCacheOptions } from './options.ts'
import { RecentKeys } from './recent-keys.ts'
import { Repository } from './repository.ts'
import { reuseOf } from './reuse.ts'
import { isOwnSize, isOwnTime, isSelectedBy, isShareable, withoutCaller, withoutConditions } from './sharing.ts'
import { type Counts, type HttpCacheStatistics, zeroCounts } from './statistics.ts'
import type { Stored } from './stored.ts'

/** How long it is remembered that the last answer of a URL could not be shared. */
const NOT_SHARED_MS = 120_000

/**
 * An HTTP cache as RFC 9111 describes it, in front of whatever sends requests. Concurrent requests for one URL become one, whose
 * answer they share where it may be shared.
 */
export class HttpCache {
  readonly #options: ResolvedCache
  readonly #store: CacheStore
  readonly #guarded: GuardedStore
  readonly #repository: Repository
  readonly #fetcher: Fetcher
  readonly #across: AcrossProcesses
  readonly #underWay = new FetchesUnderWay()
  readonly #flights = new Map<string, Flight<Fetched>>()
  readonly #notShared: RecentKeys
  readonly #counts: Counts = zeroCounts()

  /** @throws ConfigurationError */
  constructor(options: HttpCacheOptions = {}) {
    this.#options = resolveCacheOptions('HttpCache', options)
    const { store, maxBytes, maxEntries, maxEntryBytes, logger, clock } = this.#options
    this.#store =
      store ??
      new MemoryCacheStore({
        clock,
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(maxEntries === undefined ? {} : { maxEntries }),
      })
    this.#guarded = new GuardedStore(this.#store, logger, () => {
      this.#counts.storeErrors += 1
    })
    this.#repository = new Repository(this.#guarded, maxEntryBytes)
    this.#across = new AcrossProcesses(this.#guarded, this.#repository, clock)
    this.#notShared = new RecentKeys(clock, NOT_SHARED_MS)
    this.#fetcher = new Fetcher(this.#options, this.#repository, this.#underWay, () => {
      this.#counts.stored += 1
    })
  }

  /**
   * Answers a request: from the store, or by `forward`. A method that changes things invalidates what is stored of its URL.
   * Rejects with what `forward` rejects with, and with the signal's reason.
   *
   * @param caller its signal ends the waiting, and the fetch unless others wait for it; read only where there is something to wait for
   */
  handle<Request extends CacheableRequest>(
    request: Request,
    forward: Forward<Request>,
    caller: { readonly signal?: AbortSignal } = {},
  ): MaybePromise<Answer> {
    const { method, cache, body } = request
    if (method !== 'GET' && method !== 'HEAD') return this.#changing(request, forward, caller.signal)
    const asked = readAsked(request)
    if (cache === false || body !== undefined || asked.noStore || asked.isForServer) return forward(request, caller.signal)
    const found = this.#repository.find(request)
    if (!(found instanceof Promise)) return this.#answer(request, asked, found, forward, caller)
    const { signal } = caller
    return found.then((stored) => this.#answer(request, asked, stored, forward, signal === undefined ? {} : { signal }))
  }

  /**
   * The fresh answer to a request that asks nothing in particular, where the store is in memory; undefined for everything else,
   * which `handle` sees to. No failure is among them.
   */
  hit(request: CacheableRequest): Answer | undefined {
    if (!(this.#store instanceof MemoryCacheStore) || readAsked(request) !== NOTHING_ASKED) return undefined
    const stored = this.#repository.find(request)
    const now = this.#options.clock.wall()
    if (stored === undefined || stored instanceof Promise || stored.status >= 400) return undefined
    if (reuseOf(stored, NOTHING_ASKED, now) !== 'fresh') return undefined
    this.#counts.hits += 1
    return answerFrom(request, NOTHING_ASKED, stored, now, 'hit')
  }

  /**
   * For a request that the caller may as well send by itself: nothing is stored of its URL, and the last answer was for nobody else.
   * Only where the store is in memory.
   * @returns to be told of the answer, undefined when there was none; absent: `handle` has to see to the request
   */
  watch(request: CacheableRequest): ((answer: Answer | undefined) => Promise<void>) | undefined {
    const { href } = request.url
    if (!this.#notShared.has(href) || !(this.#store instanceof MemoryCacheStore)) return undefined
    if (!isPlain(request, readAsked(request)) || this.#repository.find(request) !== undefined) return undefined
    const came = this.#fetcher.watch(request)
    return async (answer) => {
      this.#counts.misses += 1
      if (answer === undefined || (await came(answer))) this.#notShared.delete(href)
      else this.#notShared.add(href)
    }
  }

  /** Forgets what is stored of a URL. True when there was something. @throws what the store throws */
  async invalidate(url: URL): Promise<boolean> {
    this.#outdate((other) => other === url.href)
    return this.#store.delete(url.href)
  }

  /** Forgets everything whose URL begins so. Gives the number of entries. @throws what the store throws */
  async invalidatePrefix(prefix: string): Promise<number> {
    this.#outdate((url) => url.startsWith(prefix))
    return this.#store.invalidatePrefix(prefix)
  }

  /** Forgets everything that was stored with one of these tags. Gives the number of entries. @throws what the store throws */
  async invalidateTags(...tags: readonly string[]): Promise<number> {
    this.#outdate(() => true)
    const counts = await Promise.all(tags.map((tag) => this.#store.invalidateTag(tag)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Forgets everything. @throws what the store throws */
  clear(): Promise<number> {
    return this.invalidatePrefix('')
  }

  /** To be told of the answer to a method that changes things, where `handle` does not see it (RFC 9111 4.4). */
  async invalidateAfter(request: CacheableRequest, answer: Answer): Promise<void> {
    if (isSafe(request.method) || answer.status < 200 || answer.status >= 400) return
    for (const url of affectedUrls(request.url, answer.headers)) {
      this.#outdate((other) => other === url)
      await this.#repository.delete(url)
    }
  }

  statistics(): HttpCacheStatistics {
    const evicted = this.#store instanceof MemoryCacheStore ? this.#store.evicted : 0
    return { ...this.#counts, evicted }
  }

  /** Degraded while the store is out of reach. */
  health(): Health {
    return this.#guarded.health()
  }

  #answer<Request extends CacheableRequest>(
    request: Request,
    asked: Asked,
    stored: Stored | undefined,
    forward: Forward<Request>,
    caller: { readonly signal?: AbortSignal },
  ): MaybePromise<Answer> {
    const now = this.#options.clock.wall()
    if (stored !== undefined) {
      const reuse = reuseOf(stored, asked, now)
      const answer = reuse === 'validate' ? undefined : answerFrom(request, asked, stored, now, 'hit')
      if (answer !== undefined) {
        this.#counts[reuse === 'fresh' ? 'hits' : 'stale'] += 1
        if (reuse === 'revalidating') this.#revalidate(request, stored, forward)
        return answer
      }
    }
    if (asked.onlyIfCached) {
      this.#counts.misses += 1
      return gatewayTimeout(request)
    }
    const { signal } = caller
    const isShared = isPlain(request, asked) && !this.#notShared.has(request.url.href)
    if (!isShared) return this.#alone(request, asked, stored, forward, signal)
    return this.#together(request, stored, forward, signal)
  }

  async #alone<Request extends CacheableRequest>(
    request: Request,
    asked: Asked,
    stored: Stored | undefined,
    forward: Forward<Request>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const fetched = await this.#fetcher.fetch(request, asked, stored, forward, signal)
    if (isPlain(request, asked)) this.#remember(request.url.href, fetched)
    return this.#counted(fetched)
  }

  async #together<Request extends CacheableRequest>(
    request: Request,
    stored: Stored | undefined,
    forward: Forward<Request>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const flight = this.#flights.get(request.url.href)
    if (flight === undefined) return this.#counted(await this.#takeOff(request, stored, forward, false).join(signal))
    let fetched: Fetched
    try {
      fetched = await flight.join(signal)
    } catch (thrown) {
      // It is a limit of the one who asked first, not of those who came later.
      if (signal?.aborted || !(isOwnTime(thrown) || isOwnSize(thrown, request))) throw thrown
      return this.handle(request, forward, signal === undefined ? {} : { signal })
    }
    const brought = fetched.stored
    if (!isSelectedBy(request, brought)) return this.#alone(request, NOTHING_ASKED, stored, forward, signal)
    const now = this.#options.clock.wall()
    const answer = isShareable({ ...fetched, stored: brought }, now)
      ? answerFrom(request, NOTHING_ASKED, brought, now, 'fwd=uri-miss; collapsed')
      : undefined
    if (answer === undefined) return this.#alone(request, NOTHING_ASKED, brought, forward, signal)
    this.#counts.coalesced += 1
    return answer
  }

  #takeOff<Request extends CacheableRequest>(
    request: Request,
    stored: Stored | undefined,
    forward: Forward<Request>,
    isKept: boolean,
  ): Flight<Fetched> {
    const key = request.url.href
    const flight: Flight<Fetched> = new Flight(
      async (signal) => {
        const fetched = await withoutCaller(() =>
          this.#across.fetch(request, stored, signal, (known) =>
            this.#fetcher.fetch(request, NOTHING_ASKED, known, forward, signal),
          ),
        )
        this.#remember(key, fetched)
        return fetched
      },
      () => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      },
      isKept,
    )
    this.#flights.set(key, flight)
    return flight
  }

  /** Fetches a new answer for later requests; this one has been answered. */
  #revalidate<Request extends CacheableRequest>(request: Request, stored: Stored, forward: Forward<Request>): void {
    if (this.#flights.has(request.url.href)) return
    const whole = { ...request, method: 'GET', collect: 'bytes', headers: withoutConditions(request.headers) } as Request
    this.#takeOff(whole, stored, forward, true)
  }

  async #changing<Request extends CacheableRequest>(
    request: Request,
    forward: Forward<Request>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const answer = await forward(request, signal)
    await this.invalidateAfter(request, answer)
    return answer
  }

  #counted({ answer, how }: Fetched): Answer {
    if (how === 'miss') this.#counts.misses += 1
    else this.#counts[how] += 1
    return answer
  }

  /** Each answer that cannot be shared makes it known for longer, so that later callers do not wait for each other in vain. */
  #remember(key: string, { stored }: Fetched): void {
    if (stored === undefined) this.#notShared.add(key)
    else this.#notShared.delete(key)
  }

  #outdate(concerns: (url: string) => boolean): void {
    this.#underWay.outdate(concerns)
    for (const url of this.#flights.keys()) if (concerns(url)) this.#flights.delete(url)
  }
}

/** Whether it can wait for the answer to another's request for the same URL. */
function isPlain({ method, collect }: CacheableRequest, asked: Asked): boolean {
  return method === 'GET' && collect === 'bytes' && asked === NOTHING_ASKED
}
