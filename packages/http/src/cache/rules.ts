import type { ResponseHead } from '../response.ts'
import type { CacheableRequest } from './cacheable-request.ts'
import type { CacheRule, ResolvedCache } from './options.ts'
import type { Wishes } from './verdict.ts'

/** What the request itself, the first rule for its URL and the cache's options say, in this order. */
export function wishesFor(
  { url, cache }: CacheableRequest,
  response: ResponseHead,
  options: ResolvedCache,
): Wishes & { readonly tags: readonly string[] } {
  const rule = options.rules.find((each) => matches(each, url))
  const own = cache === false ? undefined : cache
  return {
    mode: options.mode,
    ttlMs: own?.ttlMs ?? rule?.ttlMs,
    defaultTtlMs: options.defaultTtlMs,
    staleWhileRevalidateMs: rule?.staleWhileRevalidateMs ?? options.staleWhileRevalidateMs,
    staleIfErrorMs: rule?.staleIfErrorMs ?? options.staleIfErrorMs,
    tags: [...new Set([...tagsOf(rule, response), ...(own?.tags ?? [])])],
  }
}

function matches({ match }: CacheRule, url: URL): boolean {
  if (typeof match === 'string') return url.pathname.startsWith(match)
  return typeof match === 'function' ? match(url) : url.href.search(match) >= 0
}

function tagsOf(rule: CacheRule | undefined, response: ResponseHead): readonly string[] {
  const tags = rule?.tags
  return typeof tags === 'function' ? tags(response) : (tags ?? [])
}
