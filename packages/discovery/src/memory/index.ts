export { MemoryRegistry, type MemoryRegistryOptions } from './memory-registry.ts'
export { MemoryRegistryServer, type MemoryServerOptions } from './memory-server.ts'
