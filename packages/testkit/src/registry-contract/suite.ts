import { defineContract } from '../contract/define.ts'
import type { TestRunner } from '../runner.ts'
import { RegistryCaseContext } from './case-context.ts'
import { lifecycle } from './cases/lifecycle.ts'
import { outages } from './cases/outages.ts'
import { registering } from './cases/registering.ts'
import { resolving } from './cases/resolving.ts'
import { watching } from './cases/watching.ts'
import { type RegistryCase, type RegistryTheme, reasonToSkip } from './contract.ts'
import { REGISTRY_LIMITS, type RegistryUnderTest } from './registry-under-test.ts'

/** Every case of the registry contract, in the order in which they run. */
export const REGISTRY_CONTRACT: readonly RegistryTheme[] = [lifecycle, resolving, registering, watching, outages]

/** A case may wait for several facts, each with the deadline of the limits. */
const DEADLINES_PER_CASE = 4

/**
 * Defines the registry contract as tests of the runner that is passed in, one `describe` per theme. A case that the registry cannot run is
 * skipped, and its title says why.
 *
 * ```ts
 * import { afterAll, describe, it } from '@jest/globals'
 * registryContract({ describe, it, afterAll }, { name: 'mine', features: MY_FEATURES, createRegistry: () => new MyRegistry() })
 * ```
 */
export function registryContract(runner: TestRunner, registry: RegistryUnderTest): void {
  defineContract<RegistryCaseContext, RegistryCase>(runner, {
    title: 'registry contract',
    subject: registry.name,
    themes: REGISTRY_CONTRACT,
    reasonToSkip: (each) => reasonToSkip(registry, each),
    skip: registry.skip,
    createContext: () => new RegistryCaseContext(registry),
    timeoutMs: (registry.limits?.deadlineMs ?? REGISTRY_LIMITS.deadlineMs) * DEADLINES_PER_CASE,
    report: registry.report?.bind(registry),
  })
}
