import type { CommunicationError } from '@comm/core'
import { Connection, KafkaJsDriver, type KafkaLink, kafkaErrors } from '@comm/kafka-driver'
import type { BrokerAdmin, OutboundRecord, PublishResult } from '@comm/messaging'
import { allRefused, LinkedAdapter, NO_FEATURES } from '@comm/messaging/adapter'
import { KafkaAdmin } from './admin.ts'
import { KafkaConsumer } from './consume/consumer.ts'
import { type KafkaAdapterOptions, resolveOptions } from './options.ts'
import { Outbox } from './publish/outbox.ts'

/** Apache Kafka. */
export class KafkaAdapter extends LinkedAdapter<KafkaLink, KafkaConsumer> {
  readonly system = 'kafka'
  readonly admin: BrokerAdmin
  readonly #connection: Connection
  /** Consumers that are leaving. */
  readonly #leaving: Set<Promise<void>>
  #outbox: Outbox | undefined

  /** @throws ConfigurationError */
  constructor(given: KafkaAdapterOptions = {}) {
    const options = resolveOptions(given)
    const leaving = new Set<Promise<void>>()
    const connection = new Connection(new KafkaJsDriver(options), options, {
      onUp: (link) => {
        this.#outbox = new Outbox(link, options)
        this.subscriptions.resume()
      },
      // Consumers have connections of their own, and keep what they have while their sessions last.
      onDown: (reason) => this.#endOutbox(reason),
    })
    super({
      broker: 'Kafka',
      errors: kafkaErrors,
      connection,
      options,
      features: {
        ...NO_FEATURES,
        ordering: 'partition',
        durable: true,
        groups: true,
        delay: true,
        headers: true,
        replay: true,
        detectsUnroutable: true,
        keepsKeyOrderInBatch: true,
        maxBodyBytes: options.maxBodyBytes,
      },
      consumersOf: () => (_, parts) => new KafkaConsumer({ ...parts, connection, options, leaving }),
    })
    this.#connection = connection
    this.#leaving = leaving
    this.admin = new KafkaAdmin(connection, options)
  }

  protected send(_: KafkaLink, records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    if (this.#outbox !== undefined) return this.#outbox.publish(records, signal)
    return Promise.resolve(allRefused(records, this.#connection.notConnected('publish')))
  }

  protected override async leave(): Promise<void> {
    this.#connection.seal()
    await super.leave()
    await Promise.all(this.#leaving)
    this.#endOutbox(kafkaErrors.closed())
  }

  #endOutbox(reason: CommunicationError): void {
    this.#outbox?.end(reason)
    this.#outbox = undefined
  }
}
