import type { Registration, ServiceInstance } from '@comm/discovery'
import { MemoryRegistry } from '@comm/discovery/memory'

export const SERVICE = 'orders'
const LONG_TTL_MS = 3_600_000
const ZONES = ['eu-1a', 'eu-1b', 'eu-1c']
/** For calls that nobody aborts. */
export const SIGNAL: AbortSignal = new AbortController().signal

export function instanceOf(at: number, version = '1.4.2'): ServiceInstance {
  const zone = ZONES[at % ZONES.length] as string
  return {
    service: SERVICE,
    id: `orders-${at}`,
    host: '10.0.0.1',
    port: 1000 + at,
    zone,
    version,
    weight: 1 + (at % 3),
    tags: ['http'],
  }
}

export function registrationOf(at: number, version?: string): Registration {
  return { instance: instanceOf(at, version), ttlMs: LONG_TTL_MS }
}

export async function registryOf(count: number): Promise<MemoryRegistry> {
  const registry = new MemoryRegistry()
  for (let at = 0; at < count; at++) await registry.register(registrationOf(at), SIGNAL)
  return registry
}
