import type { Ready, Setup } from '@comm/bench/area'
import { ClientKafka, Transport } from '@nestjs/microservices'
import { logLevel } from 'kafkajs'
import { lastValueFrom } from 'rxjs'
import { ORDER, sealWithType } from '../order.ts'
import { groupOf, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'
import { listen } from './nestjs-app.ts'

export const setup: Setup = (input) => {
  const { does, topic } = roleOf(input)
  const client = { brokers: [String(input.environment.kafka)], clientId: 'bench', logLevel: logLevel.NOTHING }
  return does === 'publish' ? publisher(client, topic) : consumer(client, topic)
}

type ClientOptions = NonNullable<ConstructorParameters<typeof ClientKafka>[0]['client']>

async function publisher(options: ClientOptions, topic: string): Promise<Ready> {
  const client = new ClientKafka({ client: options, producerOnlyMode: true })
  await client.connect()
  return {
    // It encodes objects itself.
    op: () =>
      lastValueFrom(client.emit(topic, { value: ORDER, headers: sealWithType(topic).headers }), { defaultValue: undefined }),
    close: () => client.close(),
  }
}

function consumer(client: ClientOptions, topic: string): Ready {
  const consumer = { groupId: groupOf(topic), maxWaitTimeInMs: 250 }
  const options = { client, consumer, subscribe: { fromBeginning: true }, postfixId: '' }
  return {
    run: runConsumer(async (handle) => {
      const app = await listen({ transport: Transport.KAFKA, options }, topic, handle)
      return () => app.close()
    }),
  }
}
