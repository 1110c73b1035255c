import type { DeadLetter, DeadReason, ListOptions } from '@comm/messaging'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { collect, parseCount, parseDuration } from '../arguments/units.ts'

const REASONS: readonly (DeadReason | 'unknown')[] = [
  'undecodable',
  'schema',
  'attempts',
  'error',
  'rejected',
  'refused',
  'unknown',
]

/** Which dead letters are meant: a letter has to pass every kind of filter, and one value of each. */
export interface Selection {
  /** Of the letter, or of its message. */
  readonly id?: readonly string[]
  readonly reason?: readonly string[]
  readonly code?: readonly string[]
  /** Milliseconds since it died. */
  readonly olderThan?: number
  readonly newerThan?: number
  /** Letters looked at, oldest first. */
  readonly limit: number
}

export const SELECTION_DEFAULTS: Readonly<Pick<Selection, 'limit'>> = Object.freeze({ limit: 100 })

export function addSelection(command: Command): Command {
  return command
    .option('--id <id>', 'only this letter, by its id or that of its message; may be repeated', collect)
    .addOption(
      new Option('--reason <reason>', `only those that died of it: ${REASONS.join(', ')}; may be repeated`).argParser(
        collectReasons,
      ),
    )
    .option('--code <code>', 'only those with this error code, such as COMM_TIMEOUT; may be repeated', collect)
    .option('--older-than <duration>', 'only those that died longer ago', parseDuration)
    .option('--newer-than <duration>', 'only those that died since', parseDuration)
    .option('--limit <n>', 'look at no more than the oldest n', parseCount, SELECTION_DEFAULTS.limit)
}

function collectReasons(text: string, before?: readonly string[]): readonly string[] {
  if (!(REASONS as readonly string[]).includes(text)) throw new InvalidArgumentError(`It must be one of ${REASONS.join(', ')}.`)
  return collect(text, before)
}

/** @param now epoch milliseconds */
export function listOptions({ id, reason, code, olderThan, newerThan, limit }: Selection, now: number): ListOptions {
  const isIn = (wanted: readonly string[] | undefined, ...values: readonly (string | undefined)[]): boolean =>
    wanted === undefined || values.some((value) => value !== undefined && wanted.includes(value))
  const where = (letter: DeadLetter): boolean => {
    // One that does not say when it died is neither old nor new.
    const ageMs = now - (letter.diedAt ?? Number.NaN)
    return (
      isIn(id, letter.id, letter.messageId) &&
      isIn(reason, letter.reason) &&
      isIn(code, letter.code) &&
      (olderThan === undefined || ageMs > olderThan) &&
      (newerThan === undefined || ageMs < newerThan)
    )
  }
  return { limit, where }
}
