import type { IncomingHttpHeaders } from 'node:http'
import type { CacheEntry } from '@comm/core'

/** What is kept of an answer to GET beside its body: everything that a hit compares, decided when it was stored. */
export interface StoredHead {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** When it came, in epoch milliseconds. */
  readonly storedAt: number
  /** How old it was then (RFC 9111 4.2.3). */
  readonly initialAgeMs: number
  readonly lifetimeMs: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** Never given stale. */
  readonly mustRevalidate: boolean
  /** Never given unless the server has just confirmed it. */
  readonly noCache: boolean
  /** Names of the request headers that select it, sorted. */
  readonly vary: readonly string[]
  /** What those headers said, as a digest. '' where nothing selects. */
  readonly variant: string
  readonly tags: readonly string[]
}

export interface Stored extends StoredHead {
  readonly body: Uint8Array
}

/** Stands under the URL of answers that depend on request headers, and says which. */
export interface VaryIndex {
  readonly vary: readonly string[]
  /** A part of its variants' keys: without their index they cannot be reached any more. */
  readonly generation: string
}

export type Found = Stored | VaryIndex

export function isIndex(found: Found): found is VaryIndex {
  return 'generation' in found
}

const EMPTY = new Uint8Array()
/** A store in memory gives the same object each time, and what it says is read once. */
const read = new WeakMap<CacheEntry, Found>()

/** @returns undefined for what is not ours, or another version's */
export function decodeEntry(entry: CacheEntry): Found | undefined {
  const known = read.get(entry)
  if (known !== undefined) return known
  const found = parse(entry)
  if (found !== undefined) read.set(entry, found)
  return found
}

export function encodeStored({ body, ...head }: Stored): CacheEntry {
  return { body, metadata: JSON.stringify({ v: VERSION, head }) }
}

export function encodeIndex(index: VaryIndex): CacheEntry {
  return { body: EMPTY, metadata: JSON.stringify({ v: VERSION, index }) }
}

const VERSION = 1

function parse({ body, metadata }: CacheEntry): Found | undefined {
  try {
    const { v, head, index } = JSON.parse(metadata) as { v?: unknown; head?: StoredHead; index?: VaryIndex }
    if (v !== VERSION) return undefined
    return head === undefined ? index : { ...head, body }
  } catch {
    return undefined
  }
}
