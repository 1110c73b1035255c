import { CommunicationError } from '@comm/core'
import { callable, checkOptions, nonEmptyText, number, required } from '@comm/core/options'
import LinkHeader from 'http-link-header'
import { displayUrl } from '../url.ts'
import type { NextPage, Page } from './options.ts'

/** The next page is the one that the Link header names as `rel="next"` (RFC 8288); there is none without. */
export function byLink(): (page: Page<unknown>) => NextPage | undefined {
  return ({ response }) => {
    const { method, url, headers } = response
    const link = headers['link']
    if (link === undefined) return undefined
    try {
      // A link with an anchor is about something else (RFC 8288, 3.2).
      return LinkHeader.parse(String(link)).refs.find(({ rel, anchor }) => rel?.toLowerCase() === 'next' && anchor === undefined)
        ?.uri
    } catch (cause) {
      throw new CommunicationError(
        `${method} ${displayUrl(url)} was answered with a Link header that cannot be read (RFC 8288)`,
        {
          code: 'COMM_UNDECODABLE',
          cause,
          details: { method, url: displayUrl(url) },
        },
      )
    }
  }
}

export interface CursorOptions {
  /** The query parameter that takes the cursor. @default 'cursor' */
  readonly parameter?: string
  /** Finds it in a page; undefined, null or '' after the last one. */
  readonly cursor: (page: Page<unknown>) => string | number | null | undefined
}

/** The next page is asked for by a cursor that the page holds. @throws ConfigurationError */
export function byCursor(options: CursorOptions): (page: Page<unknown>) => NextPage | undefined {
  checkOptions('byCursor', options, { parameter: nonEmptyText, cursor: required(callable) })
  const { parameter = 'cursor', cursor: find } = options
  return (page) => {
    const cursor = find(page)
    return cursor === undefined || cursor === null || cursor === '' ? undefined : { query: { [parameter]: cursor } }
  }
}

export interface PageNumberOptions {
  /** The query parameter that takes the number. @default 'page' */
  readonly parameter?: string
  /** The number of the first page, which is asked for without one. @default 1 */
  readonly first?: number
  /** Fewer items than this, and it was the last page. @default 1: it ends with an empty one */
  readonly size?: number
}

/** The next page has the next number, until a page is not full. @throws ConfigurationError */
export function byPageNumber(options: PageNumberOptions = {}): (page: Page<unknown>) => NextPage | undefined {
  checkOptions('byPageNumber', options, {
    parameter: nonEmptyText,
    first: number({ min: 0, integer: true }),
    size: number({ min: 1, integer: true }),
  })
  const { parameter = 'page', first = 1, size = 1 } = options
  return (page) => (page.items.length < size ? undefined : { query: { [parameter]: first + page.number } })
}
