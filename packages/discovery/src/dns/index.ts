export { DnsRegistry } from './dns-registry.ts'
export { DNS_DEFAULTS, type DnsOptions } from './options.ts'
