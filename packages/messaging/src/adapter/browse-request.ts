import { checkOptions, nonEmptyText, number, required } from '@comm/core/options'
import type { BrowseRequest } from '../broker.ts'

const BROWSE_LIMIT = 100

/** Checks what an adapter is asked to show, and gives it with its limit. @throws ConfigurationError */
export function checkBrowse(request: BrowseRequest): BrowseRequest & { readonly limit: number } {
  checkOptions<BrowseRequest>('browse', request, {
    topic: required(nonEmptyText),
    group: nonEmptyText,
    limit: number({ min: 0, integer: true }),
  })
  return { limit: BROWSE_LIMIT, ...request }
}
