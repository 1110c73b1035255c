export { EtcdRegistry } from './etcd-registry.ts'
export { ETCD_DEFAULTS, type EtcdOptions } from './options.ts'
