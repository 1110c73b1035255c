import type { SubscribeOptions } from '@comm/messaging'
import { InvalidArgumentError } from 'commander'
import { durationMs } from '../arguments/units.ts'

/**
 * Where to begin: `new`, `earliest`, a duration ago, or a time as ISO 8601 writes it.
 * @throws InvalidArgumentError
 */
export function parseStart(text: string): NonNullable<SubscribeOptions['from']> {
  if (text === 'new' || text === 'earliest') return text
  const agoMs = durationMs(text)
  const timestamp = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs
  if (!Number.isFinite(timestamp))
    throw new InvalidArgumentError(
      'It must be new, earliest, a duration ago such as 10m, or a time such as 2026-01-31T12:00:00Z.',
    )
  return { timestamp }
}
