import { Readable } from 'node:stream'
import { HttpResponse, HttpStreamResponse } from '@comm/http'
import { type CacheableRequest, type Forward, HttpCache, type HttpCacheOptions } from '@comm/http/cache'
import { TestClock } from '@comm/testkit'

export interface Said {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export type Handler = (request: CacheableRequest, nth: number) => Said | Promise<Said>

export interface Origin {
  readonly clock: TestClock
  readonly cache: HttpCache
  readonly requests: readonly CacheableRequest[]
  /** Asks through the cache. */
  ask(path: string, request?: Partial<Omit<CacheableRequest, 'url'>>, caller?: { signal?: AbortSignal }): Promise<HttpResponse>
  stream(path: string): Promise<HttpStreamResponse>
}

/** A cache in front of a server that is a function: what is proven here is what the cache decides. */
export function origin(handler: Handler, options: Partial<HttpCacheOptions> = {}): Origin {
  const clock = new TestClock()
  const cache = new HttpCache({ clock, ...options })
  const requests: CacheableRequest[] = []
  const forward: Forward<CacheableRequest> = async (request, signal) => {
    requests.push(request)
    signal?.throwIfAborted()
    const { status = 200, headers = {}, body = `answer ${requests.length}` } = await handler(request, requests.length)
    signal?.throwIfAborted()
    const { method, url } = request
    const head = { method, url, status, headers: { date: new Date(clock.wall()).toUTCString(), ...headers }, attempts: 1 }
    const bytes = Buffer.from(method === 'HEAD' || status === 304 ? '' : body)
    if (request.collect === 'bytes' || status >= 400) return new HttpResponse(head, bytes)
    return new HttpStreamResponse(head, Readable.from([bytes.subarray(0, 3), bytes.subarray(3)], { objectMode: false }))
  }
  const handle = async (path: string, request: Partial<CacheableRequest>, caller?: { signal?: AbortSignal }) =>
    cache.handle({ method: 'GET', headers: {}, collect: 'bytes', ...request, url: new URL(path, ORIGIN) }, forward, caller)
  return {
    clock,
    cache,
    requests,
    ask: async (path, request = {}, caller) => (await handle(path, request, caller)) as HttpResponse,
    stream: async (path) => (await handle(path, { collect: 'stream' })) as HttpStreamResponse,
  }
}

const ORIGIN = 'http://api.test'

/** Answers with these headers, each time with another body. */
export function always(headers: Readonly<Record<string, string>>, status = 200): Handler {
  return () => ({ status, headers })
}
