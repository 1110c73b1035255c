import type { ServiceDiscovery } from './discovery.ts'

export type { InstanceOptions } from './check-instance.ts'
export { type RegisterOptions, ServiceDiscovery } from './discovery.ts'
export type { InstanceFilter } from './filter.ts'
export type { InstanceRegistration } from './kept-registration.ts'
export { SERVICE_DISCOVERY_DEFAULTS, type ServiceDiscoveryOptions } from './options.ts'
export type { InstanceAttribute, Registration, Registry, RegistryFeatures, ServiceInstance, Watch } from './registry.ts'
export { ServiceResolver } from './resolver.ts'

declare module '@comm/core' {
  interface ManagerComponents {
    readonly discovery: ServiceDiscovery
  }
}
