import { LONGEST_TIMEOUT_MS } from '@comm/core'
import { InvalidArgumentError } from 'commander'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/

/** `500ms`, `10s`, `5m`, `2h`, `7d`, in milliseconds; a bare number is seconds, as in configuration. Undefined: none of these. */
export function durationMs(text: string): number | undefined {
  const [, amount, unit = 's'] = DURATION.exec(text) ?? []
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit] as number)
}

/** @throws InvalidArgumentError, which commander puts after the option's name */
export function parseDuration(text: string): number {
  const ms = durationMs(text)
  if (ms === undefined) throw new InvalidArgumentError('It must be a duration such as 500ms, 10s, 5m, 2h or 7d.')
  return ms
}

/** @throws InvalidArgumentError */
export function parseTimeout(text: string): number {
  const ms = parseDuration(text)
  if (ms < 1 || ms > LONGEST_TIMEOUT_MS) throw new InvalidArgumentError('It must be from 1ms to 24d.')
  return ms
}

/** @throws InvalidArgumentError */
export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count < 1 || !Number.isSafeInteger(count)) throw new InvalidArgumentError('It must be a whole number, at least 1.')
  return count
}

/** For an option that may be given several times. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** `name=value`; the value may hold further `=`. @throws InvalidArgumentError */
export function parseHeader(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be name=value.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}
