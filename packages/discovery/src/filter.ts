import { arrayOf, callable, checkOptions, nonEmptyText } from '@comm/core/options'
import type { ServiceInstance } from './registry.ts'

/** Which instances of a service are wanted; what is absent excludes none. All that is given must hold. */
export interface InstanceFilter {
  /** `1.4.2`, or the beginning of versions up to a dot: `1` and `1.4` take it too. */
  readonly version?: string
  /** The instance has all of them. */
  readonly tags?: readonly string[]
  /** Only those of this zone; to prefer one while it has enough, give `zone` to the balancer instead. */
  readonly zone?: string
  /** Anything else. Asked for every instance at every change; must not throw. */
  readonly where?: (instance: ServiceInstance) => boolean
}

/** @throws ConfigurationError */
export function checkFilter(filter: InstanceFilter): void {
  checkOptions<InstanceFilter>('filter', filter, {
    version: nonEmptyText,
    tags: arrayOf(nonEmptyText),
    zone: nonEmptyText,
    where: callable,
  })
}

export function filterInstances(all: readonly ServiceInstance[], filter: InstanceFilter): readonly ServiceInstance[] {
  const { version, tags, zone, where } = filter
  if (version === undefined && tags === undefined && zone === undefined && where === undefined) return all
  const wanted = all.filter(
    (instance) =>
      (version === undefined || instance.version === version || instance.version?.startsWith(`${version}.`) === true) &&
      (zone === undefined || instance.zone === zone) &&
      (tags === undefined || tags.every((tag) => instance.tags?.includes(tag) === true)) &&
      (where === undefined || where(instance)),
  )
  return Object.freeze(wanted)
}
