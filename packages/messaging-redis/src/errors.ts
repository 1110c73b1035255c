import { AuthorizationError, type CommunicationError, ConfigurationError, PublishError } from '@comm/core'
import type { BrokerFeatures, OutboundRecord } from '@comm/messaging'
import { type AdapterErrors, adapterErrors, unsupported } from '@comm/messaging/adapter'

export const errors: AdapterErrors = adapterErrors('Redis')

/** What can be told from the record alone. */
export function impossible(record: OutboundRecord, features: BrokerFeatures): CommunicationError | undefined {
  const { topic, group, body } = record
  const name = forbiddenName(topic, group)
  if (name !== undefined)
    return new PublishError(`a record cannot be published: ${name}`, { retryable: false, details: { topic } })
  if (group !== undefined && !features.groups)
    return unsupported(`a record for group ${group} cannot be published: Pub/Sub has no groups`)
  const { maxBodyBytes = Number.POSITIVE_INFINITY } = features
  return body.byteLength > maxBodyBytes ? errors.tooLarge(record, maxBodyBytes, 'maxBodyBytes') : undefined
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
export function notStored(topic: string, failure: CommunicationError, stored: 'no' | 'unknown'): CommunicationError {
  if (failure.code === 'COMM_CONNECTION' || failure instanceof AuthorizationError) return failure
  const { retryable, message } = failure
  return new PublishError(`a record for topic ${topic} was not stored: ${message}`, { cause: failure, retryable, stored })
}
