import { type Call, type Clock, type Pipeline, pipeline, type Stage } from '@comm/core'
import type { Forward } from './cache/cacheable-request.ts'
import type { HttpCache } from './cache/http-cache.ts'
import { andThen } from './cache/maybe-promise.ts'
import type { Exchange } from './exchange.ts'
import type { HttpRequest } from './request.ts'
import { totalTimeout } from './request-timeout.ts'
import type { HttpResponse, HttpStreamResponse } from './response.ts'
import { responseOf, statusError } from './status-error.ts'

/**
 * Where the cache stands among the policies of a client: what is outside it sees every call, what is inside only those that go
 * to the server. A client with a cache puts it behind the total time limit, unless it is among the policies.
 */
export const cachePlace: Stage = Object.freeze({ name: 'cache', description: 'cache (RFC 9111)' })

type Answer = HttpResponse | HttpStreamResponse

/**
 * The calls that a cache may answer. The policies outside the cache run for each of them. A request to the server runs in the
 * policies inside, on its own: it may serve several callers, and outlive the one who caused it.
 */
export class CachedCalls {
  readonly #cache: HttpCache
  readonly #outside: Pipeline
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
    this.#outside = pipeline(stages.slice(0, place), { clock })
    this.#callee = (request, call) =>
      andThen(cache.handle(request, forward, call), (answer) => {
        if (answer.status >= 400) throw statusError(answer as HttpResponse, clock.wall())
        return answer
      })
  }

  /** Whether the cache has anything to do with a request before it is sent. */
  takes({ method, cache, body }: HttpRequest): boolean {
    return (method === 'GET' || method === 'HEAD') && cache !== false && body === undefined
  }

  run(request: HttpRequest, signal: AbortSignal | undefined): Promise<Answer> {
    return this.#outside.run(this.#callee, request, signal)
  }

  /** To be told of the answers to all other requests. */
  async invalidateAfter(request: HttpRequest, answer: Answer): Promise<void> {
    await this.#cache.invalidateAfter(request, answer)
  }
}
