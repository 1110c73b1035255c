import { type Call, type Clock, HttpStatusError, type Pipeline, pipeline } from '@comm/core'
import type { HttpRequest } from '../request.ts'
import { totalTimeout } from '../request-timeout.ts'
import type { HttpResponse, HttpStreamResponse } from '../response.ts'
import type { Authorizer, Credentials } from './authorizer.ts'

type Answer = HttpResponse | HttpStreamResponse

/** What comes after the credentials are there: the cache and the policies. */
export interface Inner {
  /** An answer that is there at once. */
  hit(request: HttpRequest, signal: AbortSignal | undefined): Answer | undefined
  answer(request: HttpRequest, signal: AbortSignal | undefined): Promise<Answer>
}

/**
 * Calls whose requests carry credentials. They are added before the cache and the policies see the request: a cache must know them
 * (RFC 9111, 3.5), and all attempts carry the same. A call whose token is refused with 401 is made once more with another one. The
 * total time limit of the request holds for all of it together.
 */
export class AuthorizedCalls {
  readonly #inner: Inner
  readonly #inTime: Pipeline

  constructor(inner: Inner, clock: Clock) {
    this.#inner = inner
    this.#inTime = pipeline([totalTimeout], { clock })
  }

  run(authorizer: Authorizer, request: HttpRequest, signal: AbortSignal | undefined): Answer | Promise<Answer> {
    const credentials = authorizer.credentials(request, signal)
    if (credentials instanceof Promise) {
      credentials.catch(() => undefined)
    } else {
      const authorized = withCredentials(request, credentials)
      const hit = this.#inner.hit(authorized, signal)
      if (hit !== undefined) return hit
      if (credentials.token === undefined) return this.#inner.answer(authorized, signal)
    }
    return this.#inTime.run((_, call: Call) => this.#run(authorizer, request, credentials, call.signal), request, signal)
  }

  async #run(
    authorizer: Authorizer,
    request: HttpRequest,
    given: Credentials | Promise<Credentials>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const credentials = await given
    const { token } = credentials
    try {
      return await this.#inner.answer(withCredentials(request, credentials), signal)
    } catch (thrown) {
      if (token === undefined || !(thrown instanceof HttpStatusError) || thrown.status !== 401) throw thrown
      authorizer.refused?.(token)
      if (!request.replayable) throw thrown
      const others = await authorizer.credentials(request, signal)
      if (others.token?.value === token.value) throw thrown
      const attemptsBefore = Number(thrown.details['attempts'])
      return await this.#inner.answer({ ...withCredentials(request, others), attemptsBefore }, signal)
    }
  }
}

function withCredentials(request: HttpRequest, { headers, query }: Credentials): HttpRequest {
  return {
    ...request,
    headers: { ...request.headers, ...headers },
    credentials: Object.keys(headers),
    ...(query !== undefined && { url: withQuery(request.url, query) }),
  }
}

function withQuery(given: URL, [name, value]: readonly [string, string]): URL {
  const url = new URL(given)
  url.searchParams.set(name, value)
  return url
}
