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

const HASH = '#'
const STAR = '*'

/** True where a word of the topic would be taken for a wildcard by a topic exchange. */
export function hasWildcard(topic: string): boolean {
  return topic.split('.').some((word) => word === STAR || word === HASH)
}

/** AMQP 0-9-1 holds names and routing keys in short strings. */
const LONGEST_NAME_BYTES = 255

export function fitsName(name: string): boolean {
  return Buffer.byteLength(name) <= LONGEST_NAME_BYTES
}

/** Whether a topic exchange would route this topic to that pattern (AMQP 0-9-1, section 3.1.3.3). */
export function matchesTopic(pattern: string, topic: string): boolean {
  return matches(pattern.split('.'), topic.split('.'))
}

function matches([first, ...rest]: readonly string[], words: readonly string[]): boolean {
  if (first === undefined) return words.length === 0
  if (first === HASH) return matches(rest, words) || (words.length > 0 && matches([first, ...rest], words.slice(1)))
  return words.length > 0 && (first === STAR || first === words[0]) && matches(rest, words.slice(1))
}
