import { PublishError, pause } from '@comm/core'
import { absorb, type Link, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED, replyCodeOf } from '@comm/rabbit-driver'
import { delayName, groupExchange, queueOf, routingKeyOf } from './names.ts'
import type { ResolvedOptions } from './options.ts'
import type { QueueArguments } from './queues.ts'
import { declareTopology } from './topology.ts'

/** What everything else hangs on, and the user's own. */
export async function declareBase(link: Link, { exchange, topology }: ResolvedOptions): Promise<void> {
  await declareTopology(link, { exchanges: [{ name: exchange }, { name: groupExchange(exchange) }] })
  if (topology !== undefined) await declareTopology(link, topology)
}

/**
 * Makes the queue of a group, or finds it as it is.
 * @param topic or pattern
 * @param takesTopic false: only what is meant for this group reaches it
 * @returns whether it has a single active consumer: that is decided when a queue is made, and never again
 */
export async function declareGroup(
  link: Link,
  options: ResolvedOptions,
  { topic, group, ordered, takesTopic }: { topic: string; group: string; ordered: boolean; takesTopic: boolean },
): Promise<boolean> {
  const queue = queueOf(topic, group)
  const args = groupArguments(options, link.major, ordered)
  const bindings = [{ source: groupExchange(options.exchange), queue, routingKey: routingKeyOf({ group, topic }) }]
  if (takesTopic) bindings.push({ source: options.exchange, queue, routingKey: topic })
  // Each try may find one argument that the existing queue has otherwise.
  for (let tries = 0; ; tries++) {
    try {
      await declareTopology(link, { queues: [{ name: queue, arguments: args }], bindings })
      return args[SINGLE_ACTIVE] === true
    } catch (thrown) {
      if (tries === TOLERATED || !adoptDifference(args, thrown)) throw thrown
    }
  }
}

const SINGLE_ACTIVE = 'x-single-active-consumer'
const DELIVERY_LIMIT = 'x-delivery-limit'
/** A queue that has either of them otherwise serves all the same. */
const TOLERATED = 2
/** From here on a queue without this argument drops a record that was requeued twenty times; before, -1 means at once. */
const FIRST_WITH_DELIVERY_LIMIT = 4

function groupArguments({ queueType, maxPriority, queueArguments }: ResolvedOptions, major: number, ordered: boolean) {
  const args: QueueArguments = { 'x-queue-type': queueType }
  if (queueType === 'quorum' && major >= FIRST_WITH_DELIVERY_LIMIT) args[DELIVERY_LIMIT] = -1
  if (maxPriority !== undefined) args['x-max-priority'] = maxPriority
  if (ordered) args[SINGLE_ACTIVE] = true
  return { ...args, ...queueArguments }
}

/** False when the queue differs in something that matters. */
function adoptDifference(args: QueueArguments, thrown: unknown): boolean {
  if (replyCodeOf(thrown) !== PRECONDITION_FAILED) return false
  const name = /inequivalent arg '([^']+)'/.exec((thrown as Error).message)?.[1]
  if (name === SINGLE_ACTIVE && args[SINGLE_ACTIVE] !== true) args[SINGLE_ACTIVE] = true
  else if (name === SINGLE_ACTIVE || name === DELIVERY_LIMIT) delete args[name]
  else return false
  return true
}

/** A queue that lacks its exchange for so long is not being made any more, by whatever version of this package. */
const HALF_MADE_MS = 5000
const BETWEEN_TRIES_MS = 250
/** Who waits longer holds up others. */
const MOST_TRIES = 12

/**
 * A queue in which records wait for `delayMs` on their way to the target exchange, which routes them by the key they came with. A quorum
 * queue, because a classic one moves expired records unconfirmed: those are lost when the broker dies.
 *
 * The exchange before it is made last, when the queue's name is on disk: a queue without one was left half-made, and nothing was ever
 * published to it. One connection at a time makes them, or makes them anew.
 */
export async function declareDelay(link: Link, { clock }: ResolvedOptions, target: string, delayMs: number): Promise<void> {
  const name = delayName(target, delayMs)
  const settings = { messageTtlMs: delayMs, deadLetterExchange: target, overflow: 'reject-publish' } as const
  const declare = () =>
    declareTopology(link, {
      exchanges: [{ name, type: 'fanout' }],
      queues: [{ name, ...settings, arguments: { 'x-dead-letter-strategy': 'at-least-once' } }],
      bindings: [{ source: name, queue: name }],
    })
  const find = async (): Promise<'whole' | 'half-made' | undefined> => {
    const queue = await link.onChannel((channel) => channel.checkQueue(name)).catch(absorb(NOT_FOUND))
    const exchange = await link.onChannel((channel) => channel.checkExchange(name)).catch(absorb(NOT_FOUND))
    return queue && (exchange !== undefined || queue.messageCount > 0 ? 'whole' : 'half-made')
  }
  if ((await find()) === 'whole') return declare()
  const lock = `comm.making.${name}`
  const tryLock = () =>
    link.onChannel((channel) => channel.assertQueue(lock, { exclusive: true, durable: false })).catch(absorb(RESOURCE_LOCKED))
  // Whoever has it loses it with its connection.
  for (let tries = 1; (await tryLock()) === undefined; tries++) {
    if (tries === MOST_TRIES) throw new PublishError(`another connection is making the delay queue ${name}`)
    await pause(clock, BETWEEN_TRIES_MS)
    if ((await find()) === 'whole') return declare()
  }
  try {
    if ((await find()) === 'half-made') await pause(clock, HALF_MADE_MS)
    if ((await find()) === 'half-made') await link.onChannel((channel) => channel.deleteQueue(name))
    await declare()
  } finally {
    await link.onChannel((channel) => channel.deleteQueue(lock))
  }
}
