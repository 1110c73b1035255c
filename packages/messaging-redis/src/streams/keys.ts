/** The keys of a topic, all in one hash slot of a Cluster. */
export interface TopicKeys {
  readonly topic: string
  /** What every group gets. */
  readonly stream: string
  /** A sorted set: what every group gets later. */
  readonly delayed: string
  /** The stream of what one group gets alone. */
  readonly only: (group: string) => string
  readonly delayedOnly: (group: string) => string
  /** Holds the name of the one active consumer of an ordered group. */
  readonly active: (group: string) => string
}

/**
 * The stream has the topic's own name, so that `XADD order.created * body …` of any client reaches everybody; the others name the same
 * slot by their hash tag (Redis Cluster specification, "Hash tags").
 */
export function topicKeys(prefix: string, topic: string): TopicKeys {
  const stream = prefix + topic
  const tag = `{${stream}}`
  return {
    topic,
    stream,
    delayed: `${tag}:delayed`,
    only: (group) => `${tag}:only:${group}`,
    delayedOnly: (group) => `${tag}:delayed-only:${group}`,
    active: (group) => `${tag}:active:${group}`,
  }
}

/** What stands behind an entry's id in that of a record, where the stream is a group's own. */
export function idSuffix(group: string | undefined): string {
  return group === undefined ? '' : `@${group}`
}
