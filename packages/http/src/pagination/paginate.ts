import { CommunicationError } from '@comm/core'
import { anything, checkOptions, describeValue, object } from '@comm/core/options'
import { isServiceUrl } from '../balancing/destination.ts'
import type { RequestOptions } from '../client-options.ts'
import { appendQuery } from '../query.ts'
import { refuse } from '../refuse.ts'
import type { HttpResponse } from '../response.ts'
import { displayUrl } from '../url.ts'
import type { NextPage, ResolvedPagination } from './options.ts'

type Target = string | URL

export interface PaginateParts<Item> extends ResolvedPagination<Item> {
  readonly send: (method: string, target: Target, request: RequestOptions) => Promise<HttpResponse>
  /** Where an instance that answered can be reached, as it may call itself in links: `host:port`. */
  readonly addressOf: (response: HttpResponse) => string | undefined
}

/** The items of all pages; a page is asked for when the items before it have been taken. */
export async function* paginate<Item>(first: Target, parts: PaginateParts<Item>): AsyncGenerator<Item, void, undefined> {
  const { method, send, maxPages, maxItems } = parts
  let target = first
  let { request } = parts
  let left = maxItems
  for (let number = 1; ; number++) {
    const response = await send(method, target, request)
    const items = parts.items === undefined ? (jsonArray(response) as readonly Item[]) : itemsOf(parts.items, response)
    for (const item of items) {
      yield item
      if (--left <= 0) return
    }
    const next = parts.next({ response, items, number })
    if (next === undefined) return
    if (number >= maxPages) throw tooMany(response, maxPages)
    const url = urlOf(next, response, parts.addressOf(response))
    const { query: _query, ...rest } = request
    const body = isChange(next) && next.json !== undefined ? { json: next.json } : {}
    // The same request again would bring the same page again.
    if (url.href === response.url.href && !('json' in body)) throw circular(response)
    target = isServiceUrl(first) ? serviceTarget(first, url) : url
    request = { ...rest, ...body }
  }
}

function isChange(next: NextPage): next is Exclude<NextPage, string | URL> {
  return typeof next === 'object' && !(next instanceof URL)
}

function urlOf(next: NextPage, { method, url }: HttpResponse, address: string | undefined): URL {
  if (isChange(next)) {
    checkOptions('paginate.next()', next, { query: object, json: anything })
    const changed = new URL(url)
    if (next.query !== undefined) {
      const query = new URLSearchParams()
      appendQuery('query', query, next.query)
      for (const key of query.keys()) changed.searchParams.delete(key)
      appendQuery('query', changed.searchParams, query)
    }
    return changed
  }
  if (typeof next !== 'string' && !(next instanceof URL))
    refuse('paginate.next()', 'a URL, an object or undefined', describeValue(next))
  const named = URL.parse(String(next), String(url))
  const isInstance = named !== null && named.host === address && named.protocol === url.protocol
  const found = isInstance ? new URL(`${url.origin}${named.pathname}${named.search}`) : named
  if (found === null || found.origin !== url.origin) {
    const where = found === null ? 'is no URL' : `is at ${found.protocol}//${found.host}`
    throw new CommunicationError(
      `the page after ${method} ${displayUrl(url)} ${where}: only pages of the same origin are read, for the headers are meant for it`,
      { code: 'COMM_UNDECODABLE', details: { method, url: displayUrl(url) } },
    )
  }
  return found
}

/** A URL of the service that the first one named. */
function serviceTarget(first: Target, { pathname, search }: URL): string {
  return `${/^service:\/\/[^/?#]*/i.exec(String(first))?.[0]}${pathname}${search}`
}

function jsonArray(response: HttpResponse): readonly unknown[] {
  const value = response.json()
  if (!Array.isArray(value)) throw noItems(response, 'whose JSON is no array: say by `items` where they are')
  return value
}

function itemsOf<Item>(find: (response: HttpResponse) => readonly Item[], response: HttpResponse): readonly Item[] {
  const items = find(response)
  if (!Array.isArray(items)) throw noItems(response, `in which items() found ${describeValue(items)} in place of an array`)
  return items
}

function noItems({ method, url }: HttpResponse, what: string): CommunicationError {
  return new CommunicationError(`${method} ${displayUrl(url)} was answered with a page ${what}`, {
    code: 'COMM_UNDECODABLE',
    details: { method, url: displayUrl(url) },
  })
}

function circular({ method, url }: HttpResponse): CommunicationError {
  return new CommunicationError(`the page after ${method} ${displayUrl(url)} is that page itself`, {
    code: 'COMM_UNDECODABLE',
    details: { method, url: displayUrl(url) },
  })
}

function tooMany({ method, url }: HttpResponse, maxPages: number): CommunicationError {
  return new CommunicationError(
    `there are more than ${maxPages} pages (maxPages), the last one read was ${method} ${displayUrl(url)}`,
    {
      code: 'COMM_TOO_LARGE',
      details: { method, url: displayUrl(url), maxPages },
    },
  )
}
