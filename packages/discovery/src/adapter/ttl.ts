import { CommunicationError } from '@comm/core'
import type { Registry } from '../registry.ts'

/** @throws CommunicationError COMM_UNSUPPORTED for a time to live that the registry cannot keep */
export function checkTtl({ where, features: { leastTtlMs = 0 } }: Pick<Registry, 'where' | 'features'>, ttlMs: number): void {
  if (ttlMs >= leastTtlMs) return
  const text = `${where} keeps no time to live shorter than ${leastTtlMs} ms, got ${ttlMs} ms`
  throw new CommunicationError(text, { code: 'COMM_UNSUPPORTED' })
}
