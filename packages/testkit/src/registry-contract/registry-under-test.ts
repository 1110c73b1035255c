import type { Registry, RegistryFeatures, ServiceInstance } from '@comm/discovery'
import type { ContractReport } from '../contract/report.ts'

/** How patient the suite is. */
export interface RegistryLimits {
  /** How long anything may take that must happen. @default 30000 */
  readonly deadlineMs?: number
  /** The time to live of registrations that are left to die; at least `features.leastTtlMs`. @default 1000 */
  readonly ttlMs?: number
  /** An instance may be listed so long after its time to live. @default 1000 */
  readonly lateMs?: number
}

export const REGISTRY_LIMITS: Readonly<Required<RegistryLimits>> = Object.freeze({
  deadlineMs: 30_000,
  ttlMs: 1000,
  lateMs: 1000,
})

/** A registry, as the suite is given it. Hooks that it has not, skip the cases that need them. */
export interface RegistryUnderTest {
  /** Stands in reports and in the support table: `Consul 1.8`. */
  readonly name: string
  /** What its registries declare; decides which cases run. */
  readonly features: RegistryFeatures
  /** A new one. All of them reach the same data. */
  createRegistry(): Registry | Promise<Registry>
  /** For one that only reads: makes these, and no others, the instances of a service. */
  put?(service: string, instances: readonly ServiceInstance[]): void | Promise<void>
  /** `put` takes the registry away for a moment: a watch that ends meanwhile is run again, as its users would. @default false */
  readonly putInterrupts?: boolean
  /** Takes the registry away from everybody, and brings it back. */
  readonly outage?: { begin(): void | Promise<void>; end(): void | Promise<void> }
  /** Cuts the connections of every registry that was created, as a network would; new ones can be made at once. */
  sever?(): void | Promise<void>
  readonly limits?: RegistryLimits
  /** Case id to the reason, in words, why this registry cannot pass it. */
  readonly skip?: Readonly<Record<string, string>>
  /** Called once, when all cases have run. */
  report?(report: ContractReport): void
}
