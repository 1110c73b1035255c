import { type Call, type Clock, type Pipeline, pipeline } from '@comm/core'
import type { HttpClientOptions } from '../client-options.ts'
import type { HttpRequest } from '../request.ts'
import { totalTimeout } from '../request-timeout.ts'
import { type HttpResponse, HttpStreamResponse } from '../response.ts'
import { responseOf } from '../status-error.ts'
import { type CookieJar, keepCookies, withCookies } from './cookie-jar.ts'
import { isRedirect, redirected, tooManyRedirects } from './redirected.ts'

type Answer = HttpResponse | HttpStreamResponse

export interface JourneyParts {
  readonly jar: CookieJar | undefined
  readonly maxRedirects: number
  /** No request leaves its origin. */
  readonly baseUrl: URL | undefined
  /** Where the instance that answered is: `host:port`. */
  readonly addressOf: (answer: Answer) => string | undefined
  readonly clock: Clock
}

/** Sends one request of a journey. @param isElsewhere at another origin than the first, whose credentials are not for it */
export type Leg = (request: HttpRequest, isElsewhere: boolean, signal: AbortSignal) => Answer | Promise<Answer>

/**
 * A call that redirects lead on, or that cookies go with. Each leg meets the credentials, the cache and the policies of the client by itself;
 * the total time limit holds for all of them together.
 */
export class Journey {
  readonly #parts: JourneyParts
  readonly #inTime: Pipeline

  constructor(parts: JourneyParts) {
    this.#parts = parts
    this.#inTime = pipeline([totalTimeout], { clock: parts.clock })
  }

  run(request: HttpRequest, leg: Leg, signal: AbortSignal | undefined): Promise<Answer> {
    return this.#inTime.run((first: HttpRequest, call: Call) => this.#run(first, leg, call.signal), request, signal)
  }

  async #run(first: HttpRequest, leg: Leg, signal: AbortSignal): Promise<Answer> {
    const { jar, maxRedirects, baseUrl, addressOf } = this.#parts
    // The caller's own cookies are for where it asked; those of the jar are looked up for each leg.
    const {
      service,
      headers: { cookie },
    } = first
    let request = first
    for (let redirects = 0; ; redirects++) {
      const isElsewhere = request.url.origin !== first.url.origin
      const answer = await this.#leg(jar === undefined ? request : await withCookies(jar, request), leg, isElsewhere, signal)
      if (maxRedirects === 0 || !isRedirect(answer)) return answer
      if (answer instanceof HttpStreamResponse) answer.body.destroy()
      if (redirects >= maxRedirects) throw tooManyRedirects(answer, maxRedirects)
      const next = redirected(request, answer, baseUrl, addressOf(answer))
      const isThere = next.url.origin === first.url.origin
      const headers = isThere && cookie !== undefined ? { ...next.headers, cookie } : next.headers
      // Another host is none of the instances of the service.
      request = { ...next, headers, service: isThere ? service : undefined }
    }
  }

  async #leg(request: HttpRequest, leg: Leg, isElsewhere: boolean, signal: AbortSignal): Promise<Answer> {
    const { jar } = this.#parts
    try {
      const answer = await leg(request, isElsewhere, signal)
      if (jar !== undefined) await keepCookies(jar, answer)
      return answer
    } catch (thrown) {
      const answer = responseOf(thrown)
      if (jar !== undefined && answer !== undefined) await keepCookies(jar, answer)
      throw thrown
    }
  }
}

/** Undefined where the options of a client ask for none. */
export function journeyOf(
  { cookieJar: jar, maxRedirects = 0 }: HttpClientOptions,
  parts: Pick<JourneyParts, 'baseUrl' | 'addressOf' | 'clock'>,
): Journey | undefined {
  return jar === undefined && maxRedirects === 0 ? undefined : new Journey({ jar, maxRedirects, ...parts })
}
