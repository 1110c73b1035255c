import type { EndpointSource, Instance } from '@comm/core/balancing'

type Split = Readonly<Record<string, number>>

/** The instances of a service, weighted so that each version gets its share of the calls, however many instances it has. */
export class SplitEndpoints implements EndpointSource {
  readonly #source: EndpointSource
  readonly #listeners = new Set<() => void>()
  #split: Split | undefined
  #of: readonly Instance[] | undefined
  #weighted: readonly Instance[] = []

  constructor(source: EndpointSource, split: Split | undefined) {
    this.#source = source
    this.#split = split
  }

  get instances(): readonly Instance[] {
    const { instances } = this.#source
    if (this.#split === undefined) return instances
    if (this.#of !== instances) {
      this.#of = instances
      this.#weighted = weighted(instances, this.#split)
    }
    return this.#weighted
  }

  get isStale(): boolean {
    return this.#source.isStale
  }

  ready(signal?: AbortSignal): Promise<void> {
    return this.#source.ready(signal)
  }

  watch(onChange: () => void): () => void {
    const listener = (): void => onChange()
    const unwatch = this.#source.watch(listener)
    this.#listeners.add(listener)
    return () => {
      unwatch()
      this.#listeners.delete(listener)
    }
  }

  /** From the next call on. */
  change(split: Split | undefined): void {
    this.#split = split
    this.#of = undefined
    for (const listener of this.#listeners) listener()
  }
}

/** Weights whose mean is about 1, so that they serve for the places on a ring too. */
function weighted(instances: readonly Instance[], split: Split): readonly Instance[] {
  const groups = new Map<string, Instance[]>()
  for (const instance of instances) {
    const version = versionOf(instance, split)
    if (version === undefined || (split[version] ?? 0) <= 0) continue
    groups.set(version, [...(groups.get(version) ?? []), instance])
  }
  const chosen = [...groups.values()].flat().length
  const total = [...groups.keys()].reduce((sum, version) => sum + (split[version] ?? 0), 0)
  const all = [...groups].flatMap(([version, members]) => {
    const own = members.reduce((sum, { weight = 1 }) => sum + weight, 0)
    const scale = ((split[version] ?? 0) / total) * (chosen / own)
    return members.map((instance) => Object.freeze({ ...instance, weight: (instance.weight ?? 1) * scale }))
  })
  return Object.freeze(all)
}

/** The longest entry that the version is, or begins with up to a dot. */
function versionOf({ version = '' }: Instance, split: Split): string | undefined {
  let found: string | undefined
  for (const entry of Object.keys(split)) {
    const fits = version === entry || version.startsWith(`${entry}.`)
    if (fits && entry.length > (found?.length ?? -1)) found = entry
  }
  return found
}
