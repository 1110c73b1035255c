import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Whether a secret has this hash. It takes as long for one that is nearly right as for one that is all wrong.
 * @param hash SHA-256 in hexadecimal
 */
export function hasHash(secret: string, hash: string): boolean {
  const presented = createHash('sha256').update(secret).digest()
  const kept = Buffer.from(hash, 'hex')
  return kept.length === presented.length && timingSafeEqual(presented, kept)
}
