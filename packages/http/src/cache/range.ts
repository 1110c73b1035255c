/** A piece of a body: `end` is not in it. */
export interface Piece {
  readonly start: number
  readonly end: number
}

/**
 * The one piece that a Range field asks for (RFC 9110 14.1.2).
 * @returns undefined for several pieces, other units, and what the body does not have: the server answers those
 */
export function pieceOf(range: string, length: number): Piece | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? []
  if (first === '') {
    const wanted = Number(last)
    return last === '' || wanted === 0 || length === 0 ? undefined : { start: Math.max(0, length - wanted), end: length }
  }
  const start = Number(first)
  const end = last === '' ? length : Math.min(length, Number(last) + 1)
  return start < end ? { start, end } : undefined
}
