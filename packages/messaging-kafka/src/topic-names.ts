/**
 * Which topics of Kafka a topic of ours is made of. `T` itself holds what is for every group. Beside it `T.for-G` holds what is for group
 * G alone, and what has to wait lies in topics by the length of the wait, so that a long one never holds up a short one:
 * `T.delay-10s`, `T.for-G.delay-10s` …
 */
export interface Tier {
  readonly suffix: string
  /** The longest wait in it. A record that has to wait longer than the last tier comes back early and is delayed again. */
  readonly maxMs: number
}

export const TIERS: readonly [Tier, ...Tier[]] = [
  { suffix: 'delay-10s', maxMs: 10_000 },
  { suffix: 'delay-10m', maxMs: 600_000 },
  { suffix: 'delay-1d', maxMs: 86_400_000 },
]

/** One topic of Kafka, as a part of one of ours. */
export interface Part {
  readonly name: string
  /** Makes the ids of its records differ from those of the other parts; empty for the topic itself. */
  readonly suffix: string
  /** How long a record may wait in it. */
  readonly tier: Tier | undefined
  /** Nobody but the group publishes to it or reads it: a new group begins at its beginning. */
  readonly isOwn: boolean
  /** Not the topic itself. */
  readonly isAside: boolean
}

/** The part that a record goes to. @param delayMs how long from now it must wait; 0 or less is not at all */
export function partFor(topic: string, group: string | undefined, delayMs: number): Part {
  const tier = delayMs > 0 ? (TIERS.find(({ maxMs }) => delayMs <= maxMs) ?? TIERS.at(-1)) : undefined
  return partOf(topic, group, tier)
}

function partOf(topic: string, group: string | undefined, tier: Tier | undefined): Part {
  const words = [...(group === undefined ? [] : [`for-${group}`]), ...(tier === undefined ? [] : [tier.suffix])]
  return {
    name: [topic, ...words].join('.'),
    suffix: words.map((word) => `${word}-`).join(''),
    tier,
    isOwn: group !== undefined,
    isAside: words.length > 0,
  }
}

/** The topics of Kafka that a group takes a topic from. Without a group: the topic itself and what is delayed for everybody. */
export function partsOf(topic: string, group?: string): readonly [Part, ...Part[]] {
  const [forAll, ...others] = [undefined, ...(group === undefined ? [] : [group])].flatMap((each) =>
    [undefined, ...TIERS].map((tier) => partOf(topic, each, tier)),
  )
  return [forAll as Part, ...others]
}

/** Members of a group must agree on their topics, so a group of ours is one of Kafka's for each topic. */
export function groupIdOf(group: string, topic: string): string {
  return `${group}.${topic}`
}

const LONGEST_NAME = 249

/** Kafka's own rule (`org.apache.kafka.common.internals.Topic`). */
export function isTopicName(name: string): boolean {
  return name.length <= LONGEST_NAME && /^[a-zA-Z0-9._-]+$/.test(name) && name !== '.' && name !== '..'
}
