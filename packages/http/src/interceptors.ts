import { unlessAborted } from '@comm/core'
import { arrayOf, callable, checkOptions, object, type Rules } from '@comm/core/options'
import { abortError } from './call-errors.ts'
import { refuse } from './refuse.ts'
import type { HttpRequest, RequestChange } from './request.ts'
import { HttpResponse, HttpStreamResponse } from './response.ts'

type Answer = HttpResponse | HttpStreamResponse
/** Nothing leaves things as they are. */
type Maybe<Value> = Value | undefined | void
type MaybeLater<Value> = Maybe<Value> | Promise<Maybe<Value>>

/** Gives what is to change of the request, or an answer in place of the server's: `HttpResponse.of(request, { json })`. */
export type RequestInterceptor = (request: HttpRequest) => MaybeLater<RequestChange | HttpResponse>
/** Gives another answer, or none. */
export type ResponseInterceptor = (response: Answer, request: HttpRequest) => MaybeLater<Answer>
/** Gives an answer, which ends the failure, or throws another error. */
export type ErrorInterceptor = (error: unknown, request: HttpRequest) => MaybeLater<HttpResponse>

/**
 * What a client does with every call, outside of its cache and its policies: once per call, not per attempt. Each list runs in its
 * order. Requests are seen before credentials are added. What interceptors throw goes to the error interceptors too, and reaches the
 * caller as it is.
 */
export interface Interceptors {
  readonly request?: readonly RequestInterceptor[]
  /** They see every answer that would reach the caller: with `throwHttpErrors: false` 4xx and 5xx too. */
  readonly response?: readonly ResponseInterceptor[]
  readonly error?: readonly ErrorInterceptor[]
}

const functions = arrayOf(callable)
const INTERCEPTOR_RULES: Rules<Interceptors> = { request: functions, response: functions, error: functions }

export interface InterceptedParts {
  readonly change: (request: HttpRequest, change: RequestChange) => HttpRequest
  readonly send: (request: HttpRequest) => Answer | Promise<Answer>
  readonly signal: AbortSignal | undefined
  /** What is thrown for an answer that is not what the caller asked for. */
  readonly check: (answer: Answer) => Answer | Promise<Answer>
}

export class Intercepting {
  readonly #request: readonly RequestInterceptor[]
  readonly #response: readonly ResponseInterceptor[]
  readonly #error: readonly ErrorInterceptor[]

  /** @throws ConfigurationError */
  constructor(interceptors: Interceptors) {
    checkOptions<Interceptors>('HttpClient.interceptors', interceptors, INTERCEPTOR_RULES)
    const { request = [], response = [], error = [] } = interceptors
    this.#request = [...request]
    this.#response = [...response]
    this.#error = [...error]
  }

  async run(given: HttpRequest, { change, send, signal, check }: InterceptedParts): Promise<Answer> {
    let request = given
    let answer: Answer | undefined
    try {
      for (const intercept of this.#request) {
        const result: Maybe<RequestChange | HttpResponse> = await settled(intercept(request), signal)
        if (result === undefined) continue
        if (result instanceof HttpResponse) {
          answer = result
          break
        }
        if (!object.accepts(result)) wrong('request', 'changes of the request, an HttpResponse or nothing', result)
        request = change(request, result)
      }
      answer ??= await send(request)
      for (const intercept of this.#response) {
        const result: Maybe<Answer> = await settled(intercept(answer, request), signal)
        if (result === undefined) continue
        if (!isAnswer(result)) wrong('response', 'an answer or nothing', result)
        answer = result
      }
      return await check(answer)
    } catch (thrown) {
      // Nobody gets it any more, and unread it would hold its connection.
      if (answer instanceof HttpStreamResponse) answer.body.destroy()
      const error = signal?.aborted && thrown === signal.reason ? abortError(request, thrown) : thrown
      return check(await this.#recover(error, request))
    }
  }

  async #recover(thrown: unknown, request: HttpRequest): Promise<Answer> {
    let error = thrown
    for (const intercept of this.#error) {
      try {
        const result = await intercept(error, request)
        if (result === undefined) continue
        if (!isAnswer(result)) wrong('error', 'an HttpResponse or nothing', result)
        return result
      } catch (replacement) {
        error = replacement
      }
    }
    throw error
  }
}

/** The caller's abort ends the wait for an interceptor. */
function settled<Value>(value: Value | Promise<Value>, signal: AbortSignal | undefined): Value | Promise<Value> {
  return value instanceof Promise ? unlessAborted(value, signal) : value
}

function isAnswer(value: unknown): value is Answer {
  return value instanceof HttpResponse || value instanceof HttpStreamResponse
}

function wrong(list: keyof Interceptors, expected: string, received: unknown): never {
  return refuse(`what an interceptor of interceptors.${list} gives`, expected, `something else (${typeof received})`)
}
