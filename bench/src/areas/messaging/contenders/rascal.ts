import { once } from 'node:events'
import type { Ready, Setup } from '@comm/bench/area'
import rascal, { type BrokerAsPromised } from 'rascal'
import { ORDER, type Order, seal } from '../order.ts'
import { EXCHANGE, queueOf, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'

const NAME = 'orders'

export const setup: Setup = async (input) => {
  const { does, topic } = roleOf(input)
  const queue = queueOf(topic)
  const broker = await rascal.BrokerAsPromised.create(
    rascal.withDefaultConfig({
      vhosts: {
        '/': {
          connection: { url: `${input.environment.rabbitmq}/%2f` },
          exchanges: { [EXCHANGE]: { type: 'topic' } },
          queues: { [queue]: { assert: false, check: true } },
          publications: { [NAME]: { exchange: EXCHANGE, confirm: true } },
          subscriptions: { [NAME]: { queue, prefetch: input.inFlight } },
        },
      },
    }),
  )
  broker.on('error', (error) => console.error(error))
  return does === 'publish' ? publisher(broker, topic) : consumer(broker)
}

function publisher(broker: BrokerAsPromised, topic: string): Ready {
  return {
    op: async () => {
      const { id, headers } = seal(topic)
      const options = { headers, messageId: id, persistent: true, mandatory: true }
      // It encodes objects itself.
      const publication = await broker.publish(NAME, ORDER, { routingKey: topic, options })
      await new Promise((resolve, reject) => {
        publication.on('success', resolve).on('error', reject).on('return', reject)
      })
    },
    close: () => broker.shutdown(),
  }
}

function consumer(broker: BrokerAsPromised): Ready {
  return {
    run: runConsumer(async (handle) => {
      const session = await broker.subscribe(NAME)
      session.on('message', (_message, content, ackOrNack) => {
        handle(content as Order)
        ackOrNack()
      })
      await once(session, 'subscribed')
      return () => session.cancel()
    }),
    close: () => broker.shutdown(),
  }
}
