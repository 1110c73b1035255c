import type { Clock, LogFields, LogLevel } from '@comm/core'
import { Burst, type BurstLimit, type Suppression } from './burst.ts'
import { pathExcluder } from './excluded-paths.ts'
import { type Sampling, sampler } from './sampling.ts'

export interface GateOptions {
  readonly sampling: Sampling | undefined
  readonly burst: BurstLimit | undefined
  readonly excludePaths: readonly string[]
  readonly clock: Clock
  readonly random: () => number
}

export interface GateCounts {
  /** Left out by `sampling`. */
  readonly sampledOut: number
  /** Left out by `burst`. */
  readonly suppressed: number
  /** Left out by `excludePaths`. */
  readonly excluded: number
}

/** Decides which of the lines that the level lets through are written. */
export interface Gate {
  admits(level: LogLevel, logger: string | undefined, message: unknown, fields: LogFields | undefined): boolean
  /** Says what has been suppressed and not been said yet. */
  flush(): void
  readonly counts: GateCounts
}

/** @returns undefined when nothing is left out, so that nobody pays for it */
export function gateOf(options: GateOptions, say: (suppression: Suppression) => void): Gate | undefined {
  const { sampling, burst: limit, excludePaths, clock, random } = options
  if (sampling === undefined && limit === undefined && excludePaths.length === 0) return undefined
  const isExcluded = excludePaths.length > 0 ? pathExcluder(excludePaths) : undefined
  const isSampled = sampling === undefined ? undefined : sampler(sampling, random)
  const burst = limit === undefined ? undefined : new Burst(limit, clock, say)
  const counts = { sampledOut: 0, suppressed: 0, excluded: 0 }
  return {
    counts,
    admits(level, logger, message, fields) {
      if (isExcluded?.(level, fields)) counts.excluded += 1
      else if (isSampled?.(level) === false) counts.sampledOut += 1
      else if (burst?.admits(level, logger, message) === false) counts.suppressed += 1
      else return true
      return false
    },
    flush: () => burst?.flush(),
  }
}
