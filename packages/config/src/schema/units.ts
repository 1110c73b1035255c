const DURATION = /^(\d+(?:\.\d+)?) *(ms|s|m|h|d)?$/
const MS_PER = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const SIZE = /^(\d+(?:\.\d+)?) *(b|kb|kib|mb|mib|gb|gib)?$/i
const BYTES_PER = { b: 1, kb: 1e3, kib: 1024, mb: 1e6, mib: 1024 ** 2, gb: 1e9, gib: 1024 ** 3 } as const

/**
 * Milliseconds, rounded to whole ones, of `"500ms"`, `"10s"`, `"2m"`, `"1h"`, `"1d"` or a bare number; undefined if it is none.
 * @param bare the unit of a number that states none
 */
export function parseDuration(value: unknown, bare: 'ms' | 's'): number | undefined {
  if (typeof value === 'number') return wholeOrNothing(value * MS_PER[bare])
  const [, digits, unit] = (typeof value === 'string' && DURATION.exec(value.trim())) || []
  if (digits === undefined) return undefined
  return wholeOrNothing(Number(digits) * MS_PER[(unit as keyof typeof MS_PER | undefined) ?? bare])
}

/** Bytes of `"16KiB"` (1024 bytes each), `"16KB"` (1000 bytes each) … or a bare number; undefined if it is none. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? wholeOrNothing(value) : undefined
  const [, digits, unit] = (typeof value === 'string' && SIZE.exec(value.trim())) || []
  if (digits === undefined) return undefined
  return wholeOrNothing(Number(digits) * BYTES_PER[(unit?.toLowerCase() as keyof typeof BYTES_PER | undefined) ?? 'b'])
}

/** A number as settings write it; text counts, because the environment has nothing else. */
export function parseNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^[+-]?\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : undefined
}

function wholeOrNothing(value: number): number | undefined {
  return Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined
}
