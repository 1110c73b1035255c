import type { Ready, Setup } from '@comm/bench/area'
import type { Consumer, ConsumerRunConfig, IHeaders, Kafka, KafkaMessage } from 'kafkajs'
import { newMessage, newMessages, openKafka } from '../kafka-client.ts'
import type { Order } from '../order.ts'
import { groupOf, type Role, roleOf } from '../role.ts'
import { runBatches } from '../run-batches.ts'
import { runConsumer } from '../run-consumer.ts'

/** Consumes by `eachBatch`; kafkajs-each-message.ts is the other way. */
export const setup: Setup = async (input) => {
  const role = roleOf(input)
  const kafka = openKafka(input.environment.kafka)
  if (role.does === 'publish') return publisher(kafka, role)
  return consumer(kafka, role, (handle) => ({
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) handle(message)
    },
  }))
}

async function publisher(kafka: Kafka, { topic, isBatch }: Role): Promise<Ready> {
  const producer = kafka.producer()
  await producer.connect()
  const close = (): Promise<void> => producer.disconnect()
  if (isBatch) return { run: runBatches((count) => producer.send({ topic, messages: newMessages(topic, count) })), close }
  return { op: () => producer.send({ topic, messages: [newMessage(topic)] }), close }
}

/** @param how hands each message over */
export function consumer(
  kafka: Kafka,
  { topic }: Role,
  how: (handle: (message: KafkaMessage) => void) => ConsumerRunConfig,
): Ready {
  return {
    run: runConsumer(async (handle) => {
      const consumer: Consumer = kafka.consumer({ groupId: groupOf(topic), maxWaitTimeInMs: 250 })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      const read = ({ value, headers }: KafkaMessage): void => {
        textsOf(headers)
        handle(JSON.parse(String(value)) as Order)
      }
      await consumer.run(how(read))
      return () => consumer.disconnect()
    }),
  }
}

/** Headers come as bytes. */
function textsOf(headers: IHeaders = {}): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const name in headers) texts[name] = String(headers[name])
  return texts
}
