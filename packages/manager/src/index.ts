export type { ManagedClient } from './client-component.ts'
export { CommunicationManager } from './manager.ts'
export type { ManagedHttp, ManagedMessaging, ManagerOptions } from './options.ts'
