export { REDIS_REGISTRY_DEFAULTS, type RedisRegistryOptions } from './options.ts'
export { RedisRegistry } from './redis-registry.ts'
