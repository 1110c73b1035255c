import type { Contender } from '@comm/bench/area'

/** A contender's parameters: what it does to which topic, for itself and for the stock that is behind it. */
export interface Role {
  readonly broker: 'rabbit' | 'streams' | 'pubsub' | 'kafka'
  readonly does: 'publish' | 'consume' | 'both'
  /** Publishes many messages a call. */
  readonly isBatch: boolean
  /** Its own. */
  readonly topic: string
  /** Nest wraps every body into a packet of its own. */
  readonly isNest: boolean
}

export function roleOf({ parameters }: Pick<Contender, 'parameters'>): Role {
  return parameters as unknown as Role
}

/** Every subscriber gets all of a channel, so each process has its own. */
export function channelOf(contender: Pick<Contender, 'parameters'>): string {
  return `${roleOf(contender).topic}-${process.pid}`
}

/** Publishes under way, and messages fetched ahead. */
export const IN_FLIGHT = 100
/** Consumer group of every consumer. */
export const GROUP = 'bench'
/** The same on Kafka, where a group of ours is one for each topic. */
export function groupOf(topic: string): string {
  return `${GROUP}.${topic}`
}

/** Exchange of every message on RabbitMQ. */
export const EXCHANGE = 'comm'

/** The queue in which RabbitMQ keeps a topic for the group. */
export function queueOf(topic: string): string {
  return `${topic}@${GROUP}`
}
