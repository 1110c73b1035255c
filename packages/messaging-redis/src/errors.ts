import { AuthorizationError, CommunicationError, ConfigurationError, ConsumeError, PublishError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'

export function closedError(what: string): CommunicationError {
  return new CommunicationError(`${what} is closed. Create a new one, or close it later`, { code: 'COMM_CLOSED' })
}

export function abortedError(what: string, signal: AbortSignal): CommunicationError {
  return new CommunicationError(`${what} was aborted by its caller`, { code: 'COMM_ABORTED', cause: signal.reason })
}

export function unsupported(what: string): CommunicationError {
  return new CommunicationError(what, { code: 'COMM_UNSUPPORTED' })
}

/** The subscription ended for good, because the broker took its topic away. */
export function goneError(topic: string, cause: unknown): ConsumeError {
  const text = `the subscription ended because topic ${topic} or its group was deleted from Redis. Subscribe again to make them anew`
  return new ConsumeError(text, { retryable: false, cause, details: { topic } })
}

export function refused(error: CommunicationError, stored: 'no' | 'unknown' = 'no'): PublishResult {
  return { ok: false, stored, error }
}

export function unroutable(topic: string): PublishResult {
  const text = `nobody takes topic ${topic}: Redis knows no group or subscriber of it. Subscribe first, or publish with unroutable: 'ignore'`
  return refused(new PublishError(text, { code: 'COMM_UNROUTABLE', details: { topic } }))
}

/** What can be told from the record alone. */
export function impossible({ topic, group, body }: OutboundRecord, maxBodyBytes: number): PublishResult | undefined {
  const name = forbiddenName(topic, group)
  if (name !== undefined)
    return refused(new PublishError(`a record cannot be published: ${name}`, { retryable: false, details: { topic } }))
  if (body.byteLength <= maxBodyBytes) return undefined
  const bytes = body.byteLength
  const text = `a record for topic ${topic} has ${bytes} bytes, more than maxBodyBytes (${maxBodyBytes}). Send less, or raise the option`
  return refused(new PublishError(text, { retryable: false, details: { topic, bytes, maxBodyBytes } }))
}

/** @throws ConfigurationError */
export function checkNames(topics: readonly string[], group: string | undefined): void {
  for (const topic of topics) {
    const name = forbiddenName(topic, group)
    if (name !== undefined) throw new ConfigurationError(`cannot subscribe: ${name}`)
  }
}

/** Braces would send a topic's keys to several slots of a Cluster, and an @ stands between an id and its group. */
function forbiddenName(topic: string, group = 'any'): string | undefined {
  if (topic === '' || /[{}]/.test(topic)) return `topic '${topic}' must be a non-empty text without { and }`
  if (group === '' || /[@{}]/.test(group)) return `group '${group}' must be a non-empty text without @, { and }`
  return undefined
}

/** The error of a record that Redis refused, with what says whether trying again may help. */
export function publishError(topic: string, failure: CommunicationError, stored: 'no' | 'unknown'): CommunicationError {
  if (failure.code === 'COMM_CONNECTION' || failure instanceof AuthorizationError || failure.code === 'COMM_ABORTED')
    return failure
  const retryable = failure.retryable
  return new PublishError(`a record for topic ${topic} was not stored: ${failure.message}`, { cause: failure, retryable, stored })
}
