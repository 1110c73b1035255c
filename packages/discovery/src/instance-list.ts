import { isDeepStrictEqual } from 'node:util'
import { frozen } from './check-instance.ts'
import type { ServiceInstance } from './registry.ts'

export type InstanceList = readonly ServiceInstance[]

/** What a registry that nobody has answered yet knows. */
export const NOBODY: InstanceList = Object.freeze([])

/**
 * A registry's list as the trunk keeps it: ordered by id, each id once (the first wins), without what cannot be called. An instance that
 * has not changed stays the same object, and a list in which none has stays the same list.
 */
export function adopt(before: InstanceList, given: InstanceList): InstanceList {
  const known = new Map(before.map((instance) => [instance.id, instance]))
  const next = new Map<string, ServiceInstance>()
  for (const instance of given) {
    if (next.has(instance.id) || !isCallable(instance)) continue
    const old = known.get(instance.id)
    next.set(instance.id, old !== undefined && isDeepStrictEqual({ ...old }, { ...instance }) ? old : frozen(instance))
  }
  const list = [...next.values()].sort((one, other) => (one.id < other.id ? -1 : 1))
  const isSame = list.length === before.length && list.every((instance, index) => instance === before[index])
  return isSame ? before : Object.freeze(list)
}

/** What others wrote into a registry need not make sense. */
function isCallable({ id, host, port, weight = 1 }: ServiceInstance): boolean {
  return id !== '' && host !== '' && Number.isInteger(port) && port > 0 && port <= 65_535 && weight > 0 && Number.isFinite(weight)
}

/** A list with those added of another that it does not name. */
export function withMissing(list: InstanceList, other: InstanceList): InstanceList {
  const ids = new Set(list.map(({ id }) => id))
  return [...list, ...other.filter(({ id }) => !ids.has(id))]
}
