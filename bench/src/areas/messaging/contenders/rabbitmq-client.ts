import { once } from 'node:events'
import type { Ready, Setup } from '@comm/bench/area'
import { Connection } from 'rabbitmq-client'
import { JSON_TYPE, seal } from '../order.ts'
import { EXCHANGE, queueOf, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'

export const setup: Setup = async (input) => {
  const { does, topic } = roleOf(input)
  const connection = new Connection(String(input.environment.rabbitmq))
  await connection.onConnect()
  return does === 'publish' ? publisher(connection, topic) : consumer(connection, topic, input.inFlight)
}

function publisher(connection: Connection, topic: string): Ready {
  const publisher = connection.createPublisher({ confirm: true })
  return {
    op: () => {
      const { id, headers, body } = seal(topic)
      const envelope = { exchange: EXCHANGE, routingKey: topic, headers, messageId: id, durable: true, mandatory: true }
      return publisher.send({ ...envelope, contentType: JSON_TYPE }, body)
    },
    close: async () => {
      await publisher.close()
      await connection.close()
    },
  }
}

function consumer(connection: Connection, topic: string, prefetchCount: number): Ready {
  return {
    run: runConsumer(async (handle) => {
      const options = { queue: queueOf(topic), queueOptions: { passive: true }, qos: { prefetchCount } }
      const consumer = connection.createConsumer(options, ({ body }) => handle(body))
      await once(consumer, 'ready')
      return () => consumer.close()
    }),
    close: () => connection.close(),
  }
}
