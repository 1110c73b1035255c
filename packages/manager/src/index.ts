export type { ManagedClient } from './client-component.ts'
export { CommunicationManager } from './manager.ts'
export type { LoadedMesh, ManagedGrpc, ManagedHttp, ManagedMesh, ManagedMessaging, ManagerOptions } from './options.ts'
export type { ReloadReport } from './reload.ts'
