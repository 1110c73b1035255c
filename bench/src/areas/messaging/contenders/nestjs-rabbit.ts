import type { Ready, Setup } from '@comm/bench/area'
import { ClientProxyFactory, type RmqContext, RmqRecordBuilder, Transport } from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'
import { JSON_TYPE, ORDER, seal } from '../order.ts'
import { EXCHANGE, queueOf, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'
import { listen } from './nestjs-app.ts'

export const setup: Setup = (input) => {
  const { does, topic } = roleOf(input)
  const urls = [String(input.environment.rabbitmq)]
  return does === 'publish' ? publisher(urls, topic) : consumer(urls, topic, input.inFlight)
}

async function publisher(urls: string[], topic: string): Promise<Ready> {
  const client = ClientProxyFactory.create({
    transport: Transport.RMQ,
    options: { urls, exchange: EXCHANGE, exchangeType: 'topic', wildcards: true, persistent: true },
  })
  await client.connect()
  return {
    op: () => {
      const { id, headers } = seal(topic)
      const options = { headers, messageId: id, contentType: JSON_TYPE, mandatory: true }
      const record = new RmqRecordBuilder(ORDER).setOptions(options).build()
      return lastValueFrom(client.emit(topic, record), { defaultValue: undefined })
    },
    close: async () => client.close(),
  }
}

function consumer(urls: string[], topic: string, prefetchCount: number): Ready {
  const queueOptions = { durable: true, arguments: { 'x-queue-type': 'quorum' } }
  const options = { urls, queue: queueOf(topic), queueOptions, prefetchCount, noAck: false }
  return {
    run: runConsumer(async (handle) => {
      const app = await listen({ transport: Transport.RMQ, options }, topic, handle, (context: RmqContext) => {
        context.getChannelRef().ack(context.getMessage())
      })
      return () => app.close()
    }),
  }
}
