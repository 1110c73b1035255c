import type { DeadLetter } from '@comm/messaging'
import { bodyFields, bodyText, headersOf, utf8 } from '../format/body.ts'
import { cut, printable } from '../format/printable.ts'

const COLUMNS = ['ID', 'DIED AT', 'REASON', 'CODE', 'ATTEMPTS', 'MESSAGE'] as const
const LONGEST_MESSAGE = 80
const NOTHING = '-'

/** Rows of a table, its heading first. */
export function letterRows(letters: readonly DeadLetter[]): readonly (readonly string[])[] {
  return [COLUMNS, ...letters.map(letterRow)]
}

function letterRow({ id, diedAt, reason, code, attempts, message }: DeadLetter): readonly string[] {
  const cells = [id, time(diedAt) ?? NOTHING, reason, code ?? NOTHING, String(attempts), cut(message ?? NOTHING, LONGEST_MESSAGE)]
  return cells.map(printable)
}

/** For machines: one form everywhere. */
export function letterJson(letter: DeadLetter): Readonly<Record<string, unknown>> {
  const { body, bytes, headers, diedAt, firstSeenAt, ...plain } = letter
  return {
    ...plain,
    firstSeenAt: time(firstSeenAt),
    diedAt: time(diedAt),
    headers: headersOf(headers),
    ...bodyFields(body, bytes),
  }
}

/** Everything that is known of a letter, for people. @param longestBody in characters */
export function letterLines(letter: DeadLetter, longestBody: number): readonly string[] {
  const { id, messageId, topic, group, key, reason, code, message, attempts, replays, firstSeenAt, diedAt, bytes } = letter
  const facts: Readonly<Record<string, string | number | undefined>> = {
    id,
    message: messageId,
    topic,
    group,
    key,
    'first seen': time(firstSeenAt),
    'died at': time(diedAt),
    reason,
    code,
    error: message,
    attempts,
    replays,
  }
  const named = (entries: readonly (readonly [string, unknown])[], indent: string): readonly string[] => {
    const width = Math.max(0, ...entries.map(([name]) => name.length))
    return entries.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}`)
  }
  const body = readableBody(letter)
  const shown = cut(body, longestBody)
  return [
    ...named(
      Object.entries(facts).filter(([, value]) => value !== undefined),
      '',
    ),
    'headers',
    ...named(Object.entries(headersOf(letter.headers)), '  '),
    `body (${bytes.byteLength} bytes${shown === body ? '' : '; --full shows all of it'})`,
    ...shown.split('\n').map((line) => `  ${line}`),
  ].map(printable)
}

function readableBody({ body, bytes }: DeadLetter): string {
  if (body === undefined) return utf8(bytes) ?? bodyText(bytes)
  return typeof body === 'object' && !(body instanceof Uint8Array) ? JSON.stringify(body, null, 2) : bodyText(body)
}

function time(epochMs: number | undefined): string | undefined {
  return epochMs === undefined ? undefined : isoTime(epochMs)
}

/** A foreign header may hold a number that no date has. */
function isoTime(epochMs: number): string | undefined {
  const date = new Date(epochMs)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
