import { checkArgument } from '@comm/core/options'
import type { SubscribeRequest } from '@comm/messaging'

/** The names of what the adapter makes in RabbitMQ. Groups hold no '/' and no '@', so no two of them meet. */

/** Reaches single groups: its routing keys are a group, then a topic. */
export function groupExchange(exchange: string): string {
  return `${exchange}.group`
}

/** The group, one word however many it has, before the topic or the pattern. */
export function routingKeyOf({ group, topic }: { readonly group?: string | undefined; readonly topic: string }): string {
  return group === undefined ? topic : `${group.replaceAll('.', '/')}.${topic}`
}

/** @param topic or pattern */
export function queueOf(topic: string, group: string): string {
  return `${topic}@${group}`
}

/** A fanout exchange and the queue behind it, in which records for this exchange wait for so long. */
export function delayName(exchange: string, delayMs: number): string {
  return `${exchange}.delay.${delayMs}`
}

/** What leads to the same queues; a delay has one, whatever the key. */
export function lineOf(exchange: string, routingKey: string): string {
  return `exchange ${exchange}${exchange.includes('.delay.') ? '' : `, routing key ${routingKey}`}`
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
    const longest = group === undefined ? topic : queueOf(topic, routingKeyOf({ group, topic: '' }))
    checkArgument('topic and group', longest, {
      expected: 'short enough for an AMQP name, 255 bytes',
      accepts: () => fitsName(longest),
    })
  }
}
