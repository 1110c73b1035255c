export type { CacheableRequest, Forward } from './cacheable-request.ts'
export { HttpCache } from './http-cache.ts'
export {
  type CacheRule,
  HTTP_CACHE_DEFAULTS,
  type HttpCacheOptions,
  type RequestCacheOptions,
} from './options.ts'
export type { HttpCacheStatistics } from './statistics.ts'
