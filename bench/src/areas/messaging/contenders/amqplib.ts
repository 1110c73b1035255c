import type { Ready, Setup } from '@comm/bench/area'
import { type ChannelModel, connect } from 'amqplib'
import { JSON_TYPE, type Order, seal } from '../order.ts'
import { EXCHANGE, queueOf, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'

export const setup: Setup = async (input) => {
  const { does, topic } = roleOf(input)
  const connection = await connect(String(input.environment.rabbitmq))
  return does === 'publish' ? publisher(connection, topic) : consumer(connection, topic, input.inFlight)
}

async function publisher(connection: ChannelModel, topic: string): Promise<Ready> {
  const channel = await connection.createConfirmChannel()
  const returned = new Set<string>()
  channel.on('return', ({ properties }) => returned.add(properties.messageId))
  return {
    op: () =>
      new Promise<void>((resolve, reject) => {
        const { id, headers, body } = seal(topic)
        const properties = { headers, messageId: id, contentType: JSON_TYPE, persistent: true, mandatory: true }
        channel.publish(EXCHANGE, topic, body, properties, (error: unknown) => {
          if (error) reject(error)
          else if (returned.delete(id)) reject(new Error(`message ${id} was returned`))
          else resolve()
        })
      }),
    close: () => connection.close(),
  }
}

function consumer(connection: ChannelModel, topic: string, prefetch: number): Ready {
  return {
    run: runConsumer(async (handle) => {
      const channel = await connection.createChannel()
      await channel.prefetch(prefetch)
      await channel.consume(queueOf(topic), (message) => {
        if (message === null) return
        handle(JSON.parse(message.content.toString()) as Order)
        channel.ack(message)
      })
      return () => channel.close()
    }),
    close: () => connection.close(),
  }
}
