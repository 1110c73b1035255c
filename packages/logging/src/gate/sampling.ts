import { currentContext, type LogLevel } from '@comm/core'
import { activeTraceIds } from '../trace-ids.ts'

/** The share of the lines of a level that are written, 0 to 1; a level that is not named is written whole. */
export type Sampling = Readonly<Partial<Record<LogLevel, number>>>

const RANGE = 2 ** 32

/**
 * All lines of one call are written, or none of its level: what decides is its trace id, else its correlation id, so that every service
 * which samples at the same rate decides alike. Lines outside of any call are drawn one by one.
 */
export function sampler(sampling: Sampling, random: () => number): (level: LogLevel) => boolean {
  return (level) => {
    const ratio = sampling[level]
    if (ratio === undefined || ratio >= 1) return true
    const id = activeTraceIds()?.traceId ?? currentContext()?.correlationId
    return (id === undefined ? random() : shareOf(id)) < ratio
  }
}

/** FNV-1a, 32 bits, finished by the mixer of MurmurHash3, since ids may differ in their last characters alone. In [0, 1). */
function shareOf(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / RANGE
}
