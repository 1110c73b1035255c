import { CommunicationError, ConnectionError, ConsumeError, PublishError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '../broker.ts'
import type { GroupQueue } from './group-queue.ts'

export function closedError(what: string): CommunicationError {
  return new CommunicationError(`${what} of the in-memory broker is closed. Create a new one, or close it later`, {
    code: 'COMM_CLOSED',
  })
}

export function abortedError(what: string, signal: AbortSignal): CommunicationError {
  return new CommunicationError(`${what} the in-memory broker was aborted by its caller`, {
    code: 'COMM_ABORTED',
    cause: signal.reason,
  })
}

export function notConnectedError(what: string): ConnectionError {
  return new ConnectionError(
    `cannot ${what}: the adapter is not connected to the in-memory broker. Connect it first, or wait until it is back`,
  )
}

export function stoppedError(): ConnectionError {
  return new ConnectionError('cannot connect to the in-memory broker: it is stopped. Call start() on its MemoryServer')
}

function refused(error: PublishError): PublishResult {
  return { ok: false, stored: 'no', error }
}

export function unroutable({ topic }: OutboundRecord): PublishResult {
  const message = `nobody takes topic ${topic}: the in-memory broker has neither a group nor a subscriber for it. Subscribe first, or publish with unroutable: 'ignore'`
  return refused(new PublishError(message, { code: 'COMM_UNROUTABLE', details: { topic } }))
}

export function tooLarge({ topic, body }: OutboundRecord, maxBodyBytes: number): PublishResult {
  const message = `a record for topic ${topic} has ${body.length} bytes, more than the maxBodyBytes of ${maxBodyBytes} of the in-memory broker. Send less, or raise the option`
  return refused(new PublishError(message, { retryable: false, details: { topic, bytes: body.length, maxBodyBytes } }))
}

export function full({ topic }: OutboundRecord, queue: GroupQueue): PublishResult {
  const whose = queue.group === undefined ? 'an ephemeral subscriber' : `group ${queue.group}`
  const message = `${whose} of topic ${topic} has ${queue.size} unsettled records, as many as maxQueuedRecords of the in-memory broker allows. Let it consume, or raise the option`
  return refused(new PublishError(message, { details: { topic, queuedRecords: queue.size } }))
}

export function deletedError(topic: string): ConsumeError {
  return new ConsumeError(`the subscription ended because topic ${topic} was deleted from the in-memory broker`, {
    retryable: false,
    details: { topic },
  })
}
