/** The names of what the adapter makes in RabbitMQ. Groups hold no '/' and no '@', so no two of them meet. */

/** Reaches single groups: its routing keys are a group, then a topic. */
export function groupExchange(exchange: string): string {
  return `${exchange}.group`
}

/** One word, however many the group has, before the topic or the pattern. */
export function groupKey(group: string, topic: string): string {
  return `${group.replaceAll('.', '/')}.${topic}`
}

/** @param topic or pattern */
export function queueOf(topic: string, group: string): string {
  return `${topic}@${group}`
}

/** A fanout exchange and the queue behind it, in which records for this exchange wait for so long. */
export function delayName(exchange: string, delayMs: number): string {
  return `${exchange}.delay.${delayMs}`
}

/** True where a word of the topic would be taken for a wildcard by a topic exchange. */
export function hasWildcard(topic: string): boolean {
  return topic.split('.').some((word) => word === '*' || word === '#')
}

/** AMQP 0-9-1 holds names and routing keys in short strings. */
const LONGEST_NAME_BYTES = 255

export function fitsName(name: string): boolean {
  return name.length * 3 <= LONGEST_NAME_BYTES || Buffer.byteLength(name) <= LONGEST_NAME_BYTES
}
