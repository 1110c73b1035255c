import type { Attributes } from '@opentelemetry/api'

/** Of everything about consuming a topic: OpenTelemetry semantic conventions for messaging. */
export function consumerAttributes(system: string, group: string | undefined, topic: string): Attributes {
  const attributes: Attributes = {
    'messaging.system': system,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
  }
  if (group !== undefined) attributes['messaging.consumer.group.name'] = group
  return attributes
}
