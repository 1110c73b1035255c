import type { ResponseHead } from '../response.ts'
import type { CacheableRequest } from './cacheable-request.ts'
import type { CacheRule, ResolvedCache } from './options.ts'
import type { Wishes } from './verdict.ts'

/** What is wished for one answer. */
export interface TaggedWishes extends Wishes {
  readonly tags: readonly string[]
}

/** What the request itself, the first rule for its URL and the cache's options say, in this order. */
export function wishesFor({ url, cache }: CacheableRequest, response: ResponseHead, options: ResolvedCache): TaggedWishes {
  if (options.rules.length === 0 && (cache === undefined || cache === false)) return generalWishes(options)
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

const general = new WeakMap<ResolvedCache, TaggedWishes>()

/** The same for all requests that nothing else is wished for. */
function generalWishes(options: ResolvedCache): TaggedWishes {
  const known = general.get(options)
  if (known !== undefined) return known
  const { mode, defaultTtlMs, staleWhileRevalidateMs, staleIfErrorMs } = options
  const wishes = { mode, ttlMs: undefined, defaultTtlMs, staleWhileRevalidateMs, staleIfErrorMs, tags: [] }
  general.set(options, wishes)
  return wishes
}

function matches({ match }: CacheRule, url: URL): boolean {
  if (typeof match === 'string') return url.pathname.startsWith(match)
  return typeof match === 'function' ? match(url) : url.href.search(match) >= 0
}

function tagsOf(rule: CacheRule | undefined, response: ResponseHead): readonly string[] {
  const tags = rule?.tags
  return typeof tags === 'function' ? tags(response) : (tags ?? [])
}
