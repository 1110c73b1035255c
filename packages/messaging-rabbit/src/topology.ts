import {
  arrayOf,
  boolean,
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
  text,
} from '@comm/core/options'
import type { Link } from '@comm/rabbit-driver'
import { declareQueues, type QueueArguments } from './queues.ts'

/** Exchanges, queues and bindings as code: for what the topics and groups of the client do not cover. Declaring is idempotent. */
export interface RabbitMQTopology {
  readonly exchanges?: readonly ExchangeDeclaration[]
  readonly queues?: readonly QueueDeclaration[]
  readonly bindings?: readonly BindingDeclaration[]
}

export interface ExchangeDeclaration {
  readonly name: string
  /** @default 'topic' */
  readonly type?: 'topic' | 'direct' | 'fanout' | 'headers'
  /** Survives a restart of the broker. @default true */
  readonly durable?: boolean
  /** Where messages go that no queue takes. */
  readonly alternateExchange?: string
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** Always durable: RabbitMQ 4 has no transient queues that several connections share. */
export interface QueueDeclaration {
  readonly name: string
  /** @default 'quorum' */
  readonly type?: 'quorum' | 'classic'
  /** Messages older than this are dropped, or dead-lettered. */
  readonly messageTtlMs?: number
  readonly maxLength?: number
  readonly maxLengthBytes?: number
  /** What happens at the maximum. @default 'drop-head' */
  readonly overflow?: 'drop-head' | 'reject-publish'
  readonly deadLetterExchange?: string
  readonly deadLetterRoutingKey?: string
  /** 1 to 9; only classic queues have priorities. */
  readonly maxPriority?: number
  readonly singleActiveConsumer?: boolean
  readonly arguments?: Readonly<Record<string, unknown>>
}

export interface BindingDeclaration {
  /** The exchange that messages come from. */
  readonly source: string
  /** One of both: where they go. */
  readonly queue?: string
  readonly exchange?: string
  /** @default '' */
  readonly routingKey?: string
  readonly arguments?: Readonly<Record<string, unknown>>
}

const name = required(nonEmptyText)
const count = number({ min: 1, integer: true })
const list = arrayOf(object)

const EXCHANGE: Rules<ExchangeDeclaration> = {
  name,
  type: oneOf('topic', 'direct', 'fanout', 'headers'),
  durable: boolean,
  alternateExchange: nonEmptyText,
  arguments: object,
}
/** What the options of a queue are called in RabbitMQ, and what they must be. */
const QUEUE_ARGUMENTS: { readonly [Name in Exclude<keyof QueueDeclaration, 'name' | 'arguments'>]: readonly [string, Rule] } = {
  type: ['x-queue-type', oneOf('quorum', 'classic')],
  messageTtlMs: ['x-message-ttl', number({ min: 0, integer: true })],
  maxLength: ['x-max-length', count],
  maxLengthBytes: ['x-max-length-bytes', count],
  overflow: ['x-overflow', oneOf('drop-head', 'reject-publish')],
  deadLetterExchange: ['x-dead-letter-exchange', text],
  deadLetterRoutingKey: ['x-dead-letter-routing-key', text],
  maxPriority: ['x-max-priority', number({ min: 1, max: 9, integer: true })],
  singleActiveConsumer: ['x-single-active-consumer', boolean],
}
const QUEUE: Readonly<Record<string, Rule>> = {
  name,
  arguments: object,
  ...Object.fromEntries(Object.entries(QUEUE_ARGUMENTS).map(([option, [, rule]]) => [option, rule])),
}
const BINDING: Rules<BindingDeclaration> = {
  source: name,
  queue: nonEmptyText,
  exchange: nonEmptyText,
  routingKey: text,
  arguments: object,
}

/** @throws ConfigurationError */
export function checkTopology(topology: RabbitMQTopology): void {
  const at = 'rabbitmq.topology'
  checkOptions<object>(at, topology, { exchanges: list, queues: list, bindings: list })
  const { exchanges = [], queues = [], bindings = [] } = topology
  for (const [index, exchange] of exchanges.entries()) checkOptions(`${at}.exchanges[${index}]`, exchange, EXCHANGE)
  for (const [index, queue] of queues.entries()) {
    checkOptions<object>(`${at}.queues[${index}]`, queue, QUEUE)
    checkArgument(`${at}.queues[${index}].maxPriority`, queue.maxPriority, {
      expected: "absent: only queues of type 'classic' have priorities",
      accepts: (maxPriority) => maxPriority === undefined || queue.type === 'classic',
    })
  }
  for (const [index, binding] of bindings.entries()) {
    checkOptions(`${at}.bindings[${index}]`, binding, BINDING)
    checkArgument(`${at}.bindings[${index}]`, binding, {
      expected: 'to a queue or to an exchange, one of both',
      accepts: () => (binding.queue === undefined) !== (binding.exchange === undefined),
    })
  }
}

export async function declareTopology(
  link: Link,
  { exchanges = [], queues = [], bindings = [] }: RabbitMQTopology,
): Promise<void> {
  await declareQueues(link, Object.fromEntries(queues.map((queue) => [queue.name, argumentsOf(queue)])))
  await link.onChannel(async (channel) => {
    for (const { name, type = 'topic', durable = true, alternateExchange, ...each } of exchanges) {
      const args = { 'alternate-exchange': alternateExchange, ...each.arguments }
      await channel.assertExchange(name, type, { durable, arguments: args })
    }
    for (const { source, queue, exchange, routingKey = '', arguments: args } of bindings) {
      if (queue !== undefined) await channel.bindQueue(queue, source, routingKey, args)
      if (exchange !== undefined) await channel.bindExchange(exchange, source, routingKey, args)
    }
  })
}

function argumentsOf({ name, arguments: more, ...options }: QueueDeclaration): QueueArguments {
  const named = Object.entries({ type: 'quorum', ...options }).map(([option, value]) => {
    return [QUEUE_ARGUMENTS[option as keyof typeof QUEUE_ARGUMENTS][0], value]
  })
  return { ...Object.fromEntries(named), ...more }
}
