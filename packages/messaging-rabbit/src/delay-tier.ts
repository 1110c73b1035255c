/** The shortest tier; a delay ends at most so much late, or an eighth of itself. */
const SHORTEST_MS = 125
/** 125 ms · 2^25 is 48.5 days; RabbitMQ holds a TTL in 32 bits. */
const LONGEST_MS = SHORTEST_MS * 2 ** 25
const TOLERATED = 1 / 8

/**
 * The TTL of the delay queue for a record that is due after `remainingMs`. Every TTL has a queue of its own, so there are few of them, each
 * twice as long as the one before: the shortest that is long enough, unless that is much too late. Then the longest that is too short;
 * the record comes back early and waits once more.
 */
export function delayTier(remainingMs: number): number {
  let tier = SHORTEST_MS
  while (tier < remainingMs && tier < LONGEST_MS) tier *= 2
  const late = tier - remainingMs
  return late <= Math.max(SHORTEST_MS, remainingMs * TOLERATED) ? tier : tier / 2
}
