import type { MessageMeta } from '@comm/messaging'
import { bodyFields, bodyText, guessBody, headersOf } from '../format/body.ts'
import { printable } from '../format/printable.ts'

/** One line for people. @param now epoch milliseconds, for a message that does not say when it was sent */
export function messageLine(body: unknown, meta: MessageMeta, now: number): string {
  const key = meta.key === undefined ? '' : ` [${meta.key}]`
  return printable(`${timeOf(meta, now)} ${meta.topic}${key} ${bodyText(guessBody(body))}`)
}

/** One line for machines. */
export function messageJson(body: unknown, meta: MessageMeta, now: number): string {
  const { topic, id, key, correlationId, headers } = meta
  const message = { topic, id, key, time: timeOf(meta, now), correlationId, headers: headersOf(headers) }
  return printable(JSON.stringify({ ...message, ...bodyFields(guessBody(body)) }))
}

function timeOf({ time, timestamp }: MessageMeta, now: number): string {
  return time ?? new Date(timestamp ?? now).toISOString()
}
