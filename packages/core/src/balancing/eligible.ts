import type { Candidate } from './candidate.ts'

export interface EligibilityRules {
  readonly zone?: string | undefined
  readonly zoneHealthyRatio: number
  readonly panicThreshold: number
}

/** Those to choose among: the ones that can be called, all in a panic, and of them those of the own zone while there are enough. */
export function eligible(all: readonly Candidate[], rules: EligibilityRules): readonly Candidate[] {
  const callable = all.filter(({ isHealthy, isEjected }) => isHealthy && !isEjected)
  if (callable.length === 0 || callable.length < all.length * rules.panicThreshold) return all
  const { zone } = rules
  if (zone === undefined) return callable
  const isLocal = ({ instance }: Candidate): boolean => instance.zone === zone
  const local = callable.filter(isLocal)
  const isEnough = local.length > 0 && local.length >= all.filter(isLocal).length * rules.zoneHealthyRatio
  return isEnough ? local : callable
}
