/** An object as it goes over the wire; only what the server itself reads is named. */
export interface StoredObject {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Readonly<Record<string, string>>
    readonly resourceVersion: string
  }
}

export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: StoredObject
}

/** Objects with one resource version for all of them, and the history of their changes. */
export class SliceStore {
  readonly #objects = new Map<string, StoredObject>()
  readonly #listeners = new Set<(event: StoredEvent) => void>()
  #history: StoredEvent[] = []
  #version = 100
  /** Changes up to it are forgotten. */
  #compacted = 0

  get version(): number {
    return this.#version
  }

  /** Forgets the history: who wants to go on from before is told that it is gone. */
  compact(): void {
    this.#version++
    this.#compacted = this.#version
    this.#history = []
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#objects.get(`${namespace}/${name}`)
  }

  list(accepts: (object: StoredObject) => boolean): readonly StoredObject[] {
    return [...this.#objects.values()].filter(accepts)
  }

  put(namespace: string, name: string, given: object): StoredObject {
    const key = `${namespace}/${name}`
    const metadata = { ...(given as Partial<StoredObject>).metadata, name, namespace, resourceVersion: String(++this.#version) }
    const object = { ...given, metadata }
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED'
    this.#objects.set(key, object)
    this.#tell({ type, object })
    return object
  }

  delete(namespace: string, name: string): boolean {
    const object = this.get(namespace, name)
    if (object === undefined) return false
    this.#objects.delete(`${namespace}/${name}`)
    this.#tell({
      type: 'DELETED',
      object: { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } },
    })
    return true
  }

  /** @returns undefined when the history from there on is gone */
  since(version: number): readonly StoredEvent[] | undefined {
    if (version < this.#compacted) return undefined
    return this.#history.filter(({ object }) => Number(object.metadata.resourceVersion) > version)
  }

  /** @returns stops it */
  listen(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #tell(event: StoredEvent): void {
    this.#history.push(event)
    for (const listener of [...this.#listeners]) listener(event)
  }
}
