import { ConfigurationError } from '@comm/core'
import type { KafkaLink } from '@comm/kafka-driver'
import type { ResolvedOptions } from './options.ts'

/**
 * What has to wait lies in topics by the length of the wait, so that a long one never holds up a short one. A record that has to wait
 * longer than the last allows comes back early and is delayed again.
 */
export interface Tier {
  readonly suffix: string
  readonly maxMs: number
}

const LAST: Tier = { suffix: 'delay-1d', maxMs: 86_400_000 }
const TIERS: readonly Tier[] = [{ suffix: 'delay-10s', maxMs: 10_000 }, { suffix: 'delay-10m', maxMs: 600_000 }, LAST]

/**
 * One topic of Kafka, as a part of one of ours: `T` itself holds what is for every group; beside it `T.for-G` what is for group G alone,
 * and `T.delay-10s`, `T.for-G.delay-10s` … what waits.
 */
export interface Part {
  readonly name: string
  /** Makes the ids of its records differ from those of the other parts; empty for the topic itself. */
  readonly prefix: string
  readonly tier: Tier | undefined
  /** Nobody but the group publishes to it or reads it: a new group begins at its beginning. */
  readonly isOwn: boolean
}

function partOf(topic: string, group: string | undefined, tier: Tier | undefined): Part {
  const words = [...(group === undefined ? [] : [`for-${group}`]), ...(tier === undefined ? [] : [tier.suffix])]
  const prefix = words.map((word) => `${word}-`).join('')
  return { name: [topic, ...words].join('.'), prefix, tier, isOwn: group !== undefined }
}

/** The part that a record goes to. @param delayMs how long from now it must wait; 0 or less is not at all */
export function partFor(topic: string, group: string | undefined, delayMs: number): Part {
  return partOf(topic, group, delayMs > 0 ? (TIERS.find(({ maxMs }) => delayMs <= maxMs) ?? LAST) : undefined)
}

/** The parts that a group takes a topic from. Without a group: the topic itself and what is delayed for everybody. */
export function partsOf(topic: string, group?: string): readonly Part[] {
  const groups = group === undefined ? [undefined] : [undefined, group]
  return groups.flatMap((each) => [undefined, ...TIERS].map((tier) => partOf(topic, each, tier)))
}

const LONGEST_NAME = 249

/** Kafka's own rule (`org.apache.kafka.common.internals.Topic`). @throws ConfigurationError */
export function checkNames(parts: readonly Part[]): void {
  const wrong = parts.find(({ name }) => name.length > LONGEST_NAME || !/^[a-zA-Z0-9._-]+$/.test(name) || /^\.\.?$/.test(name))
  if (wrong === undefined) return
  const rule = `letters, digits, '.', '_' and '-', at most ${LONGEST_NAME} characters`
  throw new ConfigurationError(`topic and group must make names that Kafka allows (${rule}), got '${wrong.name}'`)
}

/** A week: what waits for a day must not be deleted before, whatever the cluster's default is. */
const KEPT = { 'retention.ms': String(7 * LAST.maxMs), 'cleanup.policy': 'delete' }

/** A day, for topics that nobody needs once their subscription is over: it may not live to delete them. */
const TEMPORARY = { 'retention.ms': String(LAST.maxMs), 'cleanup.policy': 'delete' }

/** Makes those that are missing. @throws CommunicationError */
export async function ensureTopics(
  link: KafkaLink,
  parts: readonly Part[],
  options: ResolvedOptions,
  temporary = false,
): Promise<void> {
  const leaders = await Promise.all(parts.map(({ name }) => link.leaders(name)))
  const missing = parts.filter((_, index) => leaders[index] === undefined)
  if (missing.length === 0) return
  const { partitions, replicationFactor, topicConfig } = options
  const made = missing.map(({ name, prefix }) => ({
    topic: name,
    partitions: temporary ? 1 : partitions,
    replicationFactor,
    config: { ...topicConfig, ...(temporary ? TEMPORARY : prefix !== '' && KEPT) },
  }))
  await link.createTopics(made)
}
