import { type Health, UP } from '@comm/core'

/** A part that is down makes the whole degraded: what was known last is still called. The discovery alone can be down with the whole. */
export function combined(parts: Readonly<Record<string, Health>>): Health {
  const bad = Object.entries(parts).filter(([, { status }]) => status !== 'up')
  if (bad.length === 0) return UP
  const reason = bad.map(([name, { status, reason: why }]) => `${name}: ${why ?? status}`).join('; ')
  return { status: parts['discovery']?.status === 'down' ? 'down' : 'degraded', reason, details: Object.fromEntries(bad) }
}
