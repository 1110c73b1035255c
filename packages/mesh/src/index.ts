import type { Mesh } from './mesh.ts'

declare module '@comm/core' {
  interface ManagerComponents {
    readonly mesh: Mesh
  }
}

export type { GrpcOfMesh } from './grpc-of-mesh.ts'
export type { AccessConfig } from './inbound/access-list.ts'
export type { IncomingGrpcCall } from './inbound/gatekeeper.ts'
export { createMesh, Mesh } from './mesh.ts'
export { MESH_DEFAULTS, type MeshConfig, type MeshOptions, type MeshService } from './options.ts'
export type { MeshHttpOptions } from './outbound/http-clients.ts'
export { MESH_POLICY_DEFAULTS } from './outbound/service-policies.ts'
export type { ServiceTraffic, StickyConfig, TrafficConfig } from './outbound/traffic.ts'
export type { Protocol, Topology, TopologyEdge } from './topology/topology.ts'
export type { TrafficFigures } from './topology/traffic-meter.ts'
