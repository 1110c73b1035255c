/**
 * The keys of a topic, all in one hash slot of a Cluster. The stream has the topic's own name, so that `XADD order.created * body …`
 * of any client reaches everybody; the others name the same slot by their hash tag (Redis Cluster specification, "Hash tags").
 */
export class TopicKeys {
  readonly topic: string
  /** What every group gets. */
  readonly stream: string
  /** A sorted set: what every group gets later. */
  readonly delayed: string
  readonly #tag: string

  constructor(prefix: string, topic: string) {
    this.topic = topic
    this.stream = prefix + topic
    this.#tag = `{${this.stream}}`
    this.delayed = `${this.#tag}:delayed`
  }

  /** The stream of what one group gets alone. */
  only(group: string): string {
    return `${this.#tag}:only:${group}`
  }

  delayedOnly(group: string): string {
    return `${this.#tag}:delayed-only:${group}`
  }

  /** Holds the token of the one active consumer of an ordered group. */
  active(group: string): string {
    return `${this.#tag}:active:${group}`
  }
}

/** A delivery's id: the entry's own, followed by the group where it lies in that group's own stream. */
export function recordId(entryId: string, group: string | undefined): string {
  return group === undefined ? entryId : `${entryId}@${group}`
}

const ENTRY_ID = /^\d{1,20}-\d{1,20}$/

/** The entries that ids name, told apart by where they lie; what is no id is left out. */
export function entriesOf(
  ids: readonly string[],
  group: string | undefined,
): { readonly shared: string[]; readonly own: string[] } {
  const shared: string[] = []
  const own: string[] = []
  for (const id of ids) {
    const at = id.indexOf('@')
    const entryId = at < 0 ? id : id.slice(0, at)
    if (!ENTRY_ID.test(entryId)) continue
    if (at < 0) shared.push(entryId)
    else if (id.slice(at + 1) === group) own.push(entryId)
  }
  return { shared, own }
}

/** Oldest first. */
export function compareEntryIds(one: string, other: string): number {
  const [ms = '0', sequence = '0'] = one.split('-')
  const [otherMs = '0', otherSequence = '0'] = other.split('-')
  return Number(ms) - Number(otherMs) || Number(sequence) - Number(otherSequence)
}
