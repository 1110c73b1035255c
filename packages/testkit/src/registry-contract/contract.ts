import type { InstanceAttribute } from '@comm/discovery'
import type { CaseOf, ThemeOf } from '../contract/define.ts'
import type { RegistryCaseContext } from './case-context.ts'
import type { RegistryUnderTest } from './registry-under-test.ts'

/** `readOnly`: it cannot register. */
export type RegistryNeed = 'registers' | 'readOnly' | 'expires' | 'leastTtlMs' | 'outage' | 'sever' | InstanceAttribute

export interface RegistryCase extends CaseOf<RegistryCaseContext> {
  readonly needs?: readonly RegistryNeed[]
}

export type RegistryTheme = ThemeOf<RegistryCase>

/** Why the case cannot run on this registry; undefined when it can. */
export function reasonToSkip(registry: RegistryUnderTest, { id, needs = [] }: RegistryCase): string | undefined {
  return registry.skip?.[id] ?? needs.map((need) => missing(registry, need)).find((reason) => reason !== undefined)
}

function missing(registry: RegistryUnderTest, need: RegistryNeed): string | undefined {
  const { features } = registry
  switch (need) {
    case 'registers':
      return features.registers ? undefined : 'features.registers is false'
    case 'readOnly':
      return features.registers ? 'features.registers is true' : undefined
    case 'expires':
      return features.expires ? undefined : 'features.expires is false'
    case 'leastTtlMs':
      return features.leastTtlMs === undefined ? 'features.leastTtlMs is not set' : undefined
    case 'outage':
    case 'sever':
      return registry[need] === undefined ? `the hook ${need} was not given` : undefined
    default:
      return features.keeps.includes(need) ? undefined : `features.keeps has no ${need}`
  }
}
