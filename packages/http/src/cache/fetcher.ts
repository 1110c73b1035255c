import { CommunicationError, ConnectionError } from '@comm/core'
import { HttpResponse, HttpStreamResponse } from '../response.ts'
import { type Answer, answerFrom, noteForward } from './answers.ts'
import type { Asked } from './asked.ts'
import type { CacheableRequest, Forward } from './cacheable-request.ts'
import type { FetchesUnderWay, UnderWay } from './fetches-under-way.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { ResolvedCache } from './options.ts'
import type { Repository } from './repository.ts'
import { servesOnError } from './reuse.ts'
import { wishesFor } from './rules.ts'
import { variantOf } from './selecting.ts'
import type { Stored } from './stored.ts'
import { storedHeaders, updatedHeaders } from './stored-headers.ts'
import { tee } from './tee.ts'
import { confirms, isDescribedBy, validating } from './validators.ts'
import { judge, type Timing } from './verdict.ts'

/** What a fetch brought. */
export interface Fetched {
  /** For the request that it was made for. */
  readonly answer: Answer
  /** What other requests may have of it. */
  readonly stored: Stored | undefined
  readonly how: 'miss' | 'revalidated' | 'stale' | 'coalesced'
}

/** RFC 5861 4 */
const SERVER_FAILURES: ReadonlySet<number> = new Set([500, 502, 503, 504])

/** Asks the server, with a stored answer to be confirmed where there is one, and keeps what it says. */
export class Fetcher {
  readonly #options: ResolvedCache
  readonly #repository: Repository
  readonly #underWay: FetchesUnderWay
  readonly #onStored: () => void

  constructor(options: ResolvedCache, repository: Repository, underWay: FetchesUnderWay, onStored: () => void) {
    this.#options = options
    this.#repository = repository
    this.#underWay = underWay
    this.#onStored = onStored
  }

  async fetch<Request extends CacheableRequest>(
    request: Request,
    asked: Asked,
    known: Stored | undefined,
    forward: Forward<Request>,
    signal: AbortSignal | undefined,
  ): Promise<Fetched> {
    const underWay = this.#underWay.begin(request.url.href)
    let isStreamed = false
    try {
      const fetched = await this.#ask(request, asked, known, forward, signal, underWay)
      isStreamed = fetched.answer instanceof HttpStreamResponse
      return fetched
    } finally {
      // What is still to be kept of a stream can be outdated until its end; it sees to that itself.
      if (!isStreamed) this.#underWay.end(underWay)
    }
  }

  /**
   * For a request that is sent by its own caller, past this.
   * @returns to be told of the answer, or that there was none: what is kept of it
   */
  watch(request: CacheableRequest): (answer: Answer | undefined) => MaybePromise<boolean> {
    const { clock } = this.#options
    const underWay = this.#underWay.begin(request.url.href)
    const requestedAt = clock.wall()
    return (answer) => {
      this.#underWay.end(underWay)
      if (!(answer instanceof HttpResponse)) return false
      const stored = this.#judged(request, answer, answer.bytes(), { requestedAt, receivedAt: clock.wall() })
      noteForward(answer, 'fwd=uri-miss')
      if (stored === undefined) return false
      // The bytes are the caller's.
      return this.#keep(request, { ...stored, body: new Uint8Array(stored.body) }, underWay)
    }
  }

  async #ask<Request extends CacheableRequest>(
    request: Request,
    asked: Asked,
    known: Stored | undefined,
    forward: Forward<Request>,
    signal: AbortSignal | undefined,
    underWay: UnderWay,
  ): Promise<Fetched> {
    const { clock } = this.#options
    const conditional = known && !asked.isConditional && asked.range === undefined ? validating(request, known) : undefined
    let requestedAt = clock.wall()
    let answer: Answer
    try {
      answer = await forward(conditional ?? request, signal)
    } catch (thrown) {
      const standIn = !signal?.aborted && isFailure(thrown) ? this.#standIn(request, asked, known) : undefined
      if (standIn === undefined) throw thrown
      return standIn
    }
    if (answer.status === 304 && known !== undefined) {
      if (confirms(answer.headers, known)) {
        const timing = { requestedAt, receivedAt: clock.wall() }
        return this.#confirmed(request, asked, known, answer, timing, conditional !== undefined, underWay)
      }
      if (conditional !== undefined) {
        requestedAt = clock.wall()
        answer = await forward(request, signal)
      }
    }
    if (SERVER_FAILURES.has(answer.status)) {
      const standIn = this.#standIn(request, asked, known)
      if (standIn !== undefined) return standIn
    }
    return this.#brought(request, known, answer, { requestedAt, receivedAt: clock.wall() }, underWay)
  }

  #standIn(request: CacheableRequest, asked: Asked, known: Stored | undefined): Fetched | undefined {
    const now = this.#options.clock.wall()
    if (known === undefined || !servesOnError(known, asked, now)) return undefined
    const answer = answerFrom(request, asked, known, now, 'hit; fwd=stale; detail=stale-if-error')
    return answer && { answer, stored: known, how: 'stale' }
  }

  /** The server has confirmed what is stored: to this cache, or to the client by its own condition. */
  async #confirmed(
    request: CacheableRequest,
    asked: Asked,
    known: Stored,
    answer: Answer,
    timing: Timing,
    byCache: boolean,
    underWay: UnderWay,
  ): Promise<Fetched> {
    const headers = updatedHeaders(known.headers, answer.headers)
    const refreshed = this.#judged(request, { ...answer, status: known.status, headers }, known.body, timing)
    if (refreshed !== undefined) await this.#keep(request, refreshed, underWay)
    else await this.#repository.delete(request.url.href)
    if (!byCache) {
      noteForward(answer, 'fwd=stale; fwd-status=304')
      return { answer, stored: refreshed, how: 'miss' }
    }
    const given = { ...known, headers, storedAt: timing.receivedAt, ...refreshed }
    const whole = answerFrom(request, asked, given, timing.receivedAt, 'hit; fwd=stale; fwd-status=304')
    return { answer: whole ?? answer, stored: refreshed, how: 'revalidated' }
  }

  async #brought(
    request: CacheableRequest,
    known: Stored | undefined,
    answer: Answer,
    timing: Timing,
    underWay: UnderWay,
  ): Promise<Fetched> {
    const fwd = known === undefined ? 'fwd=uri-miss' : `fwd=stale; fwd-status=${answer.status}`
    if (request.method === 'HEAD') {
      await this.#described(request, known, answer, timing, underWay)
      noteForward(answer, fwd)
      return { answer, stored: undefined, how: 'miss' }
    }
    if (answer instanceof HttpResponse) {
      const stored = this.#judged(request, answer, answer.bytes(), timing)
      const isKept = stored !== undefined && (await this.#keep(request, stored, underWay))
      noteForward(answer, isKept ? `${fwd}; stored` : fwd)
      return {
        answer: isKept ? new HttpResponse(answer, answer.bytes(), true) : answer,
        stored: isKept ? stored : undefined,
        how: 'miss',
      }
    }
    return { answer: this.#streamed(request, answer, timing, underWay, fwd), stored: undefined, how: 'miss' }
  }

  #streamed(
    request: CacheableRequest,
    answer: HttpStreamResponse,
    timing: Timing,
    underWay: UnderWay,
    fwd: string,
  ): HttpStreamResponse {
    const { maxEntryBytes } = this.#options
    const length = Number(answer.headers['content-length'] ?? 0)
    const head = length > maxEntryBytes ? undefined : this.#judged(request, answer, EMPTY, timing)
    noteForward(answer, fwd)
    const { body } = answer
    const end = (): void => this.#underWay.end(underWay)
    if (head === undefined) {
      end()
      return answer
    }
    const through = tee(body, maxEntryBytes, async (whole) => {
      await this.#keep(request, { ...head, body: whole }, underWay)
    })
    through.once('close', end)
    return new HttpStreamResponse(answer, through)
  }

  /** A HEAD that describes another answer than the stored one shows that this is outdated (RFC 9111 4.3.5). */
  async #described(
    request: CacheableRequest,
    known: Stored | undefined,
    answer: Answer,
    timing: Timing,
    underWay: UnderWay,
  ): Promise<void> {
    if (known === undefined || answer.status !== known.status) return
    const headers = updatedHeaders(known.headers, answer.headers)
    const refreshed = isDescribedBy(answer.headers, known)
      ? this.#judged(request, { ...answer, headers }, known.body, timing)
      : undefined
    if (refreshed === undefined) await this.#repository.delete(request.url.href)
    else await this.#keep(request, refreshed, underWay)
  }

  #judged(
    request: CacheableRequest,
    answer: Pick<Answer, 'method' | 'url' | 'status' | 'headers' | 'attempts'>,
    body: Uint8Array,
    timing: Timing,
  ): Stored | undefined {
    const wishes = wishesFor(request, answer, this.#options)
    const verdict = judge(request, answer, timing, wishes)
    if (verdict === undefined) return undefined
    return {
      ...verdict,
      status: answer.status,
      headers: storedHeaders(answer.headers),
      storedAt: timing.receivedAt,
      variant: variantOf(verdict.vary, request.headers),
      tags: wishes.tags,
      body,
    }
  }

  /** Not what was invalidated while it was fetched. */
  async #keep(request: CacheableRequest, stored: Stored, underWay: UnderWay): Promise<boolean> {
    if (underWay.isOutdated) return false
    const isKept = await this.#repository.save(request, stored)
    if (isKept) this.#onStored()
    return isKept
  }
}

const EMPTY = new Uint8Array()

function isFailure(thrown: unknown): boolean {
  return thrown instanceof CommunicationError && (thrown.retryable || thrown instanceof ConnectionError)
}
