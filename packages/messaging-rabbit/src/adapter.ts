import type { BrokerAdmin, OutboundRecord, PublishResult } from '@comm/messaging'
import { LinkedAdapter, NO_FEATURES } from '@comm/messaging/adapter'
import { type Link, rabbitErrors } from '@comm/rabbit-driver'
import { RabbitAdmin } from './admin.ts'
import { Connections } from './connections.ts'
import { Consumer } from './consumer.ts'
import { checkNames } from './names.ts'
import { type RabbitMQAdapterOptions, resolveOptions } from './options.ts'
import { Publisher } from './publisher.ts'

/** RabbitMQ: quorum or classic queues for groups, topic exchanges before them. */
export class RabbitMQAdapter extends LinkedAdapter<Link, Consumer> {
  readonly system = 'rabbitmq'
  readonly admin: Required<BrokerAdmin>
  readonly #publisher: Publisher

  /** @throws ConfigurationError */
  constructor(given: RabbitMQAdapterOptions = {}) {
    const options = resolveOptions(given)
    const connection = new Connections(options, {
      onReady: () => this.subscriptions.resume(),
      onDown: (reason) => this.subscriptions.lose(reason),
    })
    super({
      broker: 'RabbitMQ',
      errors: rabbitErrors,
      connection,
      options,
      features: {
        ...NO_FEATURES,
        ordering: 'consumer',
        durable: true,
        groups: true,
        patterns: true,
        delay: true,
        priority: options.maxPriority !== undefined,
        countsRedeliveries: options.queueType === 'quorum',
        headers: true,
        detectsUnroutable: options.confirmDelivery,
        maxBodyBytes: options.maxBodyBytes,
      },
      consumersOf: (request) => {
        checkNames(request)
        return (link, parts) => new Consumer(options, link, parts)
      },
      // A queue that is not there, or otherwise than wanted, may be on a node that is down for a while.
      isFinal: ({ code, retryable }) => code === 'COMM_AUTHORIZATION' || (code === 'COMM_CONSUME' && !retryable),
    })
    this.#publisher = new Publisher(connection, options, (topic, group) => this.subscriptions.cover(topic, group))
    this.admin = new RabbitAdmin(
      (what) => this.linked(what),
      (queue) => [...this.subscriptions].reduce((sum, { consumer }) => sum + (consumer?.sources.unsettled(queue) ?? 0), 0),
    )
  }

  protected send(_: Link, records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    return this.#publisher.publish(records, signal)
  }
}
