import { checkArgument } from '@comm/core/options'
import type { SubscribeRequest } from '@comm/messaging'

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

/** AMQP 0-9-1 holds names and routing keys in short strings. */
const LONGEST_NAME_BYTES = 255

export function fitsName(name: string): boolean {
  return name.length * 3 <= LONGEST_NAME_BYTES || Buffer.byteLength(name) <= LONGEST_NAME_BYTES
}

/** @throws ConfigurationError where a topic would be taken for a pattern, or RabbitMQ has no room for a name */
export function checkNames({ topics, pattern, group }: SubscribeRequest): void {
  for (const topic of topics) {
    checkArgument('topic', topic, {
      expected: 'without the words * and #, unless pattern is true',
      accepts: () => pattern || !topic.split('.').some((word) => word === '*' || word === '#'),
    })
    const longest = group === undefined ? topic : queueOf(topic, groupKey(group, ''))
    checkArgument('topic and group', longest, {
      expected: 'short enough for an AMQP name, 255 bytes',
      accepts: () => fitsName(longest),
    })
  }
}
