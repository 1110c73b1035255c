import { type Call, type Clock, currentContext, type Pipeline, pipeline, type Stage } from '@comm/core'
import type { Forward } from './cache/cacheable-request.ts'
import type { HttpCache } from './cache/http-cache.ts'
import { andThen } from './cache/maybe-promise.ts'
import type { Exchange } from './exchange.ts'
import type { HttpRequest } from './request.ts'
import { totalTimeout } from './request-timeout.ts'
import type { HttpResponse, HttpStreamResponse } from './response.ts'
import { serviceUnavailable } from './service-unavailable.ts'
import { responseOf, statusError } from './status-error.ts'

/**
 * Where the cache stands among the policies of a client: what is outside it sees every call, what is inside only those that go
 * to the server. A client with a cache puts it behind the total time limit, unless it is among the policies.
 */
export const cachePlace: Stage = Object.freeze({ name: 'cache', description: 'cache (RFC 9111)' })

/** As core names it; it only looks at failures. */
const FALLBACK = 'fallback'

type Answer = HttpResponse | HttpStreamResponse

/** Outside the cache these have nothing to do where the answer is there at once. */
const PATIENT: ReadonlySet<Stage> = new Set([totalTimeout, serviceUnavailable])

/**
 * The calls that a cache may answer. The policies outside the cache run for each of them. A request to the server runs in the
 * policies inside, on its own: it may serve several callers, and outlive the one who caused it.
 */
export class CachedCalls {
  readonly #cache: HttpCache
  readonly #outside: Pipeline
  readonly #canSkipOutside: boolean
  readonly #clock: Clock
  readonly #callee: (request: HttpRequest, call: Call) => Promise<Answer> | Answer

  /** @param stages with `cachePlace` among them */
  constructor(cache: HttpCache, stages: readonly Stage[], exchange: Exchange, clock: Clock) {
    const place = stages.indexOf(cachePlace)
    const further = stages.slice(place + 1)
    const inside = pipeline(further.includes(totalTimeout) ? further : [totalTimeout, ...further], { clock })
    const forward: Forward<HttpRequest> = async (request, signal) => {
      try {
        return await inside.run(exchange, request, signal)
      } catch (thrown) {
        const answer = responseOf(thrown)
        if (answer === undefined) throw thrown
        return answer
      }
    }
    this.#cache = cache
    const outside = stages.slice(0, place)
    this.#outside = pipeline(outside, { clock })
    this.#canSkipOutside = outside.every((stage) => PATIENT.has(stage) || stage.name === FALLBACK)
    this.#clock = clock
    this.#callee = (request, call) =>
      andThen(cache.handle(request, forward, call), (answer) => {
        if (answer.status >= 400) throw statusError(answer as HttpResponse, clock.wall())
        return answer
      })
  }

  /**
   * A fresh and whole answer that is there at once, without the policies outside the cache where they would do nothing. Undefined for
   * everything else: failures, callers whose time is over.
   */
  hit(request: HttpRequest, signal: AbortSignal | undefined): Answer | undefined {
    if (!this.#canSkipOutside || request.collect === 'stream' || signal?.aborted || !takes(request)) return undefined
    const context = currentContext()
    if (context !== undefined) {
      const { signal: gone, deadlineAt = Number.POSITIVE_INFINITY } = context
      if (gone?.aborted || deadlineAt <= this.#clock.now()) return undefined
    }
    return this.#cache.hit(request)
  }

  /** @param whole sends the request under all policies, as if there were no cache */
  async run(request: HttpRequest, signal: AbortSignal | undefined, whole: () => Promise<Answer>): Promise<Answer> {
    if (!takes(request)) {
      const answer = await whole()
      await this.#cache.invalidateAfter(request, answer)
      return answer
    }
    const came = this.#cache.watch(request)
    if (came === undefined) return this.#outside.run(this.#callee, request, signal)
    try {
      const answer = await whole()
      await came(answer)
      return answer
    } catch (thrown) {
      await came(undefined)
      throw thrown
    }
  }
}

/** Whether the cache has anything to do with a request before it is sent. */
function takes({ method, cache, body }: HttpRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && cache !== false && body === undefined
}
