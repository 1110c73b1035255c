/**
 * Kafka's default hash of a key, so that a key goes to the same partition whatever client publishes it
 * (`org.apache.kafka.common.utils.Utils.murmur2`).
 */
export function murmur2(key: Uint8Array): number {
  const { length } = key
  const whole = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < whole; at += 4) {
    let word = byte(key, at) | (byte(key, at + 1) << 8) | (byte(key, at + 2) << 16) | (byte(key, at + 3) << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> 24
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  if (length > whole) {
    for (let at = length - 1; at >= whole; at--) hash ^= byte(key, at) << (8 * (at - whole))
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The place of a key among the partitions of its topic. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

function byte(key: Uint8Array, at: number): number {
  return key[at] as number
}
