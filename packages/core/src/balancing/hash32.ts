/** Murmur3's finalizer: every bit of the input changes half of the bits of the output. */
const MIX_1 = 0x85ebca6b
const MIX_2 = 0xc2b2ae35
/** FNV-1a of 32 bits (G. Fowler, L. C. Noll, P. Vo). */
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** An even, fast hash of a text, the same in every process. Not for secrets. @returns an unsigned 32-bit integer */
export function hash32(text: string): number {
  let hash = FNV_OFFSET
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME)
  hash = Math.imul(hash ^ (hash >>> 16), MIX_1)
  hash = Math.imul(hash ^ (hash >>> 13), MIX_2)
  return (hash ^ (hash >>> 16)) >>> 0
}
