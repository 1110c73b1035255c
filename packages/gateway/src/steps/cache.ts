import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { HttpResponse, HttpStreamResponse } from '@comm/http'
import { type CacheableRequest, HttpCache, type HttpCacheOptions } from '@comm/http/cache'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { AnswerFields } from '../message/answer-fields.ts'
import { fieldsForClient } from '../message/answer-fields.ts'
import type { RouteTarget } from '../routing/route.ts'
import type { AnswerReceiver } from '../upstream/receiver.ts'
import { UpstreamCall } from '../upstream/upstream-call.ts'
import type { RouteStep } from './step.ts'

/** The shared cache of RFC 9111 that `@comm/http/cache` is; `store` may be one in Redis. */
export type CacheConfig = Omit<HttpCacheOptions, 'mode' | 'clock' | 'logger'>

interface CacheRequest extends CacheableRequest {
  readonly exchange: ClientExchange
  readonly closing: AbortSignal
}

/** Longer answers, and those that do not say how long they are, pass through while they come; nobody else waits for them. */
const MOST_COLLECTED_BYTES = 1024 * 1024

/**
 * Answers from the cache, or through it. Concurrent misses of a URL become one request. Stands last among the steps.
 * @param closing aborts when the gateway closes: what is stored anew in the background is waited for by nobody
 */
export function cacheStep(config: CacheConfig, closing: AbortSignal): RouteStep {
  const cache = new HttpCache({ ...config, mode: 'shared' })
  return {
    name: 'cache',
    async enter(exchange: ClientExchange): Promise<boolean> {
      const { method, asked } = exchange
      if (exchange.isUpgrade || (method !== 'GET' && method !== 'HEAD') || asked.hasBody) return false
      const url = new URL(`http://${exchange.host || 'gateway'}${exchange.pathname}${exchange.search}`)
      const request: CacheRequest = { method, url, headers: headersOf(exchange), collect: 'bytes', exchange, closing }
      const answer = await cache.handle(request, ask, { signal: exchange.signal })
      const fields = fieldsForClient(answer.headers as AnswerFields)
      if (answer instanceof HttpResponse) exchange.respond(answer.status, fields, answer.bytes())
      else exchange.pipe(answer.status, fields, answer.body)
      return true
    },
  }
}

function headersOf({ asked: { fields } }: ClientExchange): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (let at = 0; at < fields.length; at += 2) {
    const name = (fields[at] as string).toLowerCase()
    const value = fields[at + 1] as string
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return headers
}

/** @param request as the cache wants it sent: with the conditions that confirm what is stored */
function ask({ exchange, headers, method, url, closing }: CacheRequest, signal?: AbortSignal): Promise<CacheAnswer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const { upstream } = exchange.target as RouteTarget
    const answer = new ReceivedAnswer(exchange, method, url, resolve, reject)
    const request = exchange.outbound(Object.entries(headers).flat())
    const call = new UpstreamCall(upstream, { ...request, method, body: undefined }, answer, true)
    answer.call = call
    const ends = [call.abortWith(signal), call.abortWith(closing)]
    answer.onOver = () => {
      for (const end of ends) end()
    }
    call.start()
  })
}

type CacheAnswer = HttpResponse | HttpStreamResponse

/** The answer of a service as the cache takes it: whole if it is short, else read as fast as the client takes it. */
class ReceivedAnswer implements AnswerReceiver {
  readonly #exchange: ClientExchange
  readonly #method: string
  readonly #url: URL
  readonly #resolve: (answer: CacheAnswer) => void
  readonly #reject: (reason: unknown) => void
  #head: ConstructorParameters<typeof HttpResponse>[0] | undefined
  readonly #chunks: Buffer[] = []
  #body: Readable | undefined
  call: UpstreamCall | undefined
  onOver: () => void = () => undefined

  constructor(
    exchange: ClientExchange,
    method: string,
    url: URL,
    resolve: (answer: CacheAnswer) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#exchange = exchange
    this.#method = method
    this.#url = url
    this.#resolve = resolve
    this.#reject = reject
  }

  head(status: number, fields: AnswerFields): void {
    const headers = joined(fields)
    const head = { method: this.#method, url: this.#url, status, headers, attempts: this.call?.attempts ?? 1 }
    if (this.#method === 'GET' && Number(fields['content-length'] ?? Number.NaN) <= MOST_COLLECTED_BYTES) this.#head = head
    else this.#stream(head)
  }

  #stream(head: ConstructorParameters<typeof HttpResponse>[0]): void {
    const body = new Readable({
      highWaterMark: 64 * 1024,
      read: () => this.call?.resume(),
      destroy: (error, done) => {
        if (this.call?.isOver === false) this.call.abort()
        done(error)
      },
    })
    this.#body = body
    this.#resolve(new HttpStreamResponse(head, body))
    // Others may have waited for it; they ask for themselves.
    if (this.#exchange.isClosed) body.destroy()
  }

  data(chunk: Buffer): boolean {
    if (this.#body !== undefined) return this.#body.push(chunk)
    this.#chunks.push(chunk)
    return true
  }

  end(): void {
    this.onOver()
    if (this.#head !== undefined) this.#resolve(new HttpResponse(this.#head, Buffer.concat(this.#chunks)))
    else this.#body?.push(null)
  }

  fail(error: unknown): void {
    this.onOver()
    if (this.#body === undefined) this.#reject(error)
    else this.#body.destroy(error as Error)
  }
}

function joined(fields: AnswerFields): IncomingHttpHeaders {
  const headers: Record<string, string | string[] | undefined> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'set-cookie') headers[name] = typeof value === 'string' ? [value] : value
    else headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers as IncomingHttpHeaders
}
