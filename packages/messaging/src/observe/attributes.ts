import type { Attributes } from '@opentelemetry/api'

/** Reply topics: each client has one of its own, and each would be a series of its own. */
const TEMPORARY = /^reply\.[0-9a-f]{8}-[0-9a-f-]{27}$/
const TEMPORARY_NAME = '(temporary)'

/** A topic as it is named in spans and metrics. */
export function topicName(topic: string): string {
  return TEMPORARY.test(topic) ? TEMPORARY_NAME : topic
}

function destination(topic: string): Attributes {
  const name = topicName(topic)
  return name === topic
    ? { 'messaging.destination.name': topic }
    : { 'messaging.destination.name': name, 'messaging.destination.temporary': true }
}

/** Of everything about consuming a topic: OpenTelemetry semantic conventions for messaging. */
export function consumerAttributes(system: string, group: string | undefined, topic: string): Attributes {
  const attributes: Attributes = {
    'messaging.system': system,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    ...destination(topic),
  }
  if (group !== undefined) attributes['messaging.consumer.group.name'] = group
  return attributes
}

/** Of everything about publishing to a topic. */
export function producerAttributes(system: string, topic: string): Attributes {
  return {
    'messaging.system': system,
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    ...destination(topic),
  }
}
