export { ConsulRegistry } from './consul-registry.ts'
export { CONSUL_DEFAULTS, type ConsulHttpCheck, type ConsulOptions } from './options.ts'
