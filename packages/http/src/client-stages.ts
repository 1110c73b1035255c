import type { Stage } from '@comm/core'
import { pickPlace } from './balancing/pick-place.ts'
import { cachePlace } from './cached-calls.ts'
import { attemptTimeout, totalTimeout } from './request-timeout.ts'

/** What the calls of a client run in: its policies, and where they do not say it themselves, the time limits, the cache and the choice of an instance. */
export function stagesOf(policies: readonly Stage[], hasCache: boolean, picking: Stage | undefined): readonly Stage[] {
  const limited = policies.includes(totalTimeout) ? policies : [totalTimeout, ...policies]
  const picked = withPick(limited, picking)
  const whole = policies.length === 0 ? picked : [...picked, attemptTimeout]
  if (!hasCache || whole.includes(cachePlace)) return whole
  const place = whole.indexOf(totalTimeout) + 1
  return [...whole.slice(0, place), cachePlace, ...whole.slice(place)]
}

function withPick(stages: readonly Stage[], picking: Stage | undefined): readonly Stage[] {
  if (picking === undefined) return stages.filter((stage) => stage !== pickPlace)
  if (!stages.includes(pickPlace)) return [...stages, picking]
  return stages.map((stage) => (stage === pickPlace ? picking : stage))
}
