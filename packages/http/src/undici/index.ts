export type { Connection, Route } from './connection.ts'
export { type ConnectionLimits, Connections, type Waiter } from './connections.ts'
export { undiciTransport } from './undici-transport.ts'
