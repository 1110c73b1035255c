import { jsonSchemaOf } from '@comm/core/schema'
import { checkContract, type ServiceContract, type TopicLike } from '../contract.ts'
import { Components } from './components.ts'
import { CORRELATION_ID, RECEIVED_HEADERS, SENT_HEADERS } from './event-headers.ts'
import type { JsonDocument } from './json-document.ts'

type Action = 'send' | 'receive'

/**
 * The AsyncAPI 3 document of what a service sends and receives. Payloads are what is on the wire: the input side of each topic's schema; headers
 * are those of CloudEvents.
 * @throws ConfigurationError for a topic whose schema cannot say itself as JSON Schema
 */
export function asyncApi(contract: ServiceContract): JsonDocument {
  checkContract('contract', contract)
  const { title, version, description, sends = [], receives = [] } = contract
  const components = new Components()
  const messages: Record<string, object> = {}
  const channels: Record<string, object> = {}
  const sent = sends.length > 0 ? components.add('SentHeaders', SENT_HEADERS) : undefined
  const received = receives.length > 0 ? components.add('ReceivedHeaders', RECEIVED_HEADERS) : undefined
  for (const [topic, headers] of [
    ...sends.map((each) => [each, sent] as const),
    ...receives.map((each) => [each, received] as const),
  ]) {
    const { name } = topic
    // A service that sends what it receives too has one schema for both, or two that are each right.
    const key = name in messages && !isSame(topic, [...sends, ...receives]) ? `${name}.received` : name
    messages[key] = {
      name,
      contentType: 'application/json',
      headers,
      correlationId: CORRELATION_ID,
      payload: components.add(key, jsonSchemaOf(`the schema of topic ${name}`, topic.schema, { draft: 'draft-07' })),
    }
    channels[name] = {
      address: name,
      messages: { ...Object(channels[name]).messages, [key]: ref('components', 'messages', key) },
    }
  }
  const operation = (action: Action, topics: readonly TopicLike[]): [string, object][] =>
    topics.map((topic) => {
      const key = action === 'receive' && `${topic.name}.received` in messages ? `${topic.name}.received` : topic.name
      const channel = ref('channels', topic.name)
      return [`${action}.${topic.name}`, { action, channel, messages: [ref('channels', topic.name, 'messages', key)] }]
    })
  return {
    asyncapi: '3.0.0',
    info: { title, version, ...(description !== undefined && { description }) },
    defaultContentType: 'application/json',
    channels,
    operations: Object.fromEntries([...operation('send', sends), ...operation('receive', receives)]),
    components: { messages, schemas: components.schemas },
  }
}

function isSame({ name, schema }: TopicLike, all: readonly TopicLike[]): boolean {
  return all.every((other) => other.name !== name || other.schema === schema)
}

function ref(...path: readonly string[]): { readonly $ref: string } {
  return { $ref: `#/${path.join('/')}` }
}
