import { ConfigurationError } from '@comm/core'
import type { KafkaLink, NewTopic } from './driver/driver.ts'
import { isTopicName, type Part } from './topic-names.ts'

/** A week: what waits for a day must not be deleted before, whatever the cluster's default is. */
const KEPT_MS = 7 * 86_400_000

/** Makes the topics that are missing. @throws CommunicationError */
export async function ensureTopics(
  link: KafkaLink,
  parts: readonly Part[],
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const leaders = await Promise.all(parts.map(({ name }) => link.leaders(name)))
  const missing = parts.filter((_, index) => leaders[index] === undefined)
  if (missing.length > 0) await link.createTopics(missing.map((part) => newTopic(part, config)))
}

export function newTopic({ name, isAside }: Part, config: Readonly<Record<string, string>>): NewTopic {
  return { topic: name, config: isAside ? { ...config, 'retention.ms': String(KEPT_MS), 'cleanup.policy': 'delete' } : config }
}

/** @throws ConfigurationError */
export function checkTopicNames(parts: readonly Part[]): void {
  for (const { name } of parts) {
    if (isTopicName(name)) continue
    throw new ConfigurationError(
      `topic and group must make names that Kafka allows (letters, digits, '.', '_' and '-', at most 249 characters), got '${name}'`,
    )
  }
}
