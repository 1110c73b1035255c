import type { Ready, Setup } from '@comm/bench/area'
import { Consumer, type MessageToProduce, Producer, stringDeserializer, stringSerializer } from '@platformatic/kafka'
import { type Order, sealWithType } from '../order.ts'
import { groupOf, type Role, roleOf } from '../role.ts'
import { runBatches } from '../run-batches.ts'
import { runConsumer } from '../run-consumer.ts'

export const setup: Setup = (input) => {
  const role = roleOf(input)
  const options = { clientId: 'bench', bootstrapBrokers: [String(input.environment.kafka)] }
  return role.does === 'publish' ? publisher(options, role) : consumer(options, role)
}

interface Options {
  readonly clientId: string
  readonly bootstrapBrokers: string[]
}

type Message = MessageToProduce<Buffer, Buffer, string, string>

function newMessage(topic: string): Message {
  const { headers, body } = sealWithType(topic)
  return { topic, value: body, headers }
}

function publisher(options: Options, { topic, isBatch }: Role): Ready {
  const serializers = { headerKey: stringSerializer, headerValue: stringSerializer }
  const producer = new Producer<Buffer, Buffer, string, string>({ ...options, serializers })
  const send = (count: number): Promise<unknown> =>
    producer.send({ messages: Array.from({ length: count }, () => newMessage(topic)) })
  const close = (): Promise<void> => producer.close()
  return isBatch ? { run: runBatches(send), close } : { op: () => send(1), close }
}

function consumer(options: Options, { topic }: Role): Ready {
  const deserializers = { value: stringDeserializer, headerKey: stringDeserializer, headerValue: stringDeserializer }
  return {
    run: runConsumer(async (handle) => {
      const consumer = new Consumer({ ...options, groupId: groupOf(topic), deserializers, maxWaitTime: 250, autocommit: 250 })
      const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
      stream.on('data', ({ value }) => handle(JSON.parse(value) as Order))
      return async () => {
        await stream.close()
        await consumer.close()
      }
    }),
  }
}
