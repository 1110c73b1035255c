import { callable, checkOptions, number, type Rules, text } from '@comm/core/options'
import type { RequestOptions } from '../client-options.ts'
import type { Query } from '../query.ts'
import type { HttpResponse } from '../response.ts'
import { byLink } from './next-page.ts'

/** A page that has been read. */
export interface Page<Item> {
  readonly response: HttpResponse
  readonly items: readonly Item[]
  /** 1 for the first. */
  readonly number: number
}

/**
 * What to ask for next: a URL, resolved against the page's own and of the same origin; or parameters and a body that replace those of the
 * page's request.
 */
export type NextPage = string | URL | { readonly query?: Query; readonly json?: unknown }

export interface PaginateOptions<Item> extends Omit<RequestOptions, 'throwHttpErrors'> {
  /** @default 'GET' */
  readonly method?: string
  /** What comes after a page; undefined after the last one. @default byLink() */
  readonly next?: (page: Page<Item>) => NextPage | undefined
  /** The items of a page. @default its JSON, which must be an array */
  readonly items?: (response: HttpResponse) => readonly Item[]
  /** More pages than this are COMM_TOO_LARGE: a server may have no last one. @default 1000 */
  readonly maxPages?: number
  /** The iteration ends after so many items. @default Infinity */
  readonly maxItems?: number
}

export interface ResolvedPagination<Item> {
  readonly method: string
  readonly next: (page: Page<Item>) => NextPage | undefined
  readonly items: ((response: HttpResponse) => readonly Item[]) | undefined
  readonly maxPages: number
  readonly maxItems: number
  readonly request: RequestOptions
}

type OwnOptions = Pick<PaginateOptions<unknown>, 'method' | 'next' | 'items' | 'maxPages' | 'maxItems'>

const count = number({ min: 1, integer: true, infinite: true })
const OWN_RULES: Rules<OwnOptions> = { method: text, next: callable, items: callable, maxPages: count, maxItems: count }
const MOST_PAGES = 1000

/** @throws ConfigurationError */
export function resolvePagination<Item>(options: PaginateOptions<Item>): ResolvedPagination<Item> {
  const {
    method = 'GET',
    next = byLink(),
    items,
    maxPages = MOST_PAGES,
    maxItems = Number.POSITIVE_INFINITY,
    ...request
  } = options
  checkOptions('paginate', { method, next, items, maxPages, maxItems } as OwnOptions, OWN_RULES)
  return { method, next, items, maxPages, maxItems, request: { ...request, throwHttpErrors: true } }
}
