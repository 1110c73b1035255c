import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, CommunicationError, type Logger, silentLogger, systemClock } from '@comm/core'
import { withDefaults } from '@comm/core/options'
import type { BrokerAdapter, OutboundRecord, PublishResult } from './broker.ts'
import { PublishBuffer } from './buffer/publish-buffer.ts'
import { Codecs } from './codec.ts'
import { Connection } from './connection.ts'
import { SendObserver } from './observe/sending.ts'
import { emptyStats, type MessagingStats } from './observe/stats.ts'
import { BUFFER_DEFAULTS } from './options/buffer-options.ts'
import type { CLIENT_DEFAULTS, MessageClientOptions } from './options/client-options.ts'
import { Publisher } from './publisher.ts'
import { Requests } from './request-reply.ts'
import { Subscriptions } from './subscriptions.ts'

/** What a client is made of. */
export interface ClientParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: MessagingStats
  readonly connection: Connection
  readonly codecs: Codecs
  readonly buffer: PublishBuffer
  readonly publisher: Publisher
  readonly requests: Requests
  readonly subscriptions: Subscriptions
}

/** Wires a client together, once. */
export function assemble(adapter: BrokerAdapter, options: typeof CLIENT_DEFAULTS & MessageClientOptions): ClientParts {
  const { name, source = `/${name}`, publishTimeoutMs, requestTimeoutMs, closeTimeoutMs, resilience } = options
  const { clock = systemClock, random = Math.random, logger = silentLogger } = options
  const { admin, features, system } = adapter
  const { guards = [] } = options
  const stats = emptyStats()
  const waitForStart = options.connectOn === 'start'
  const connection = new Connection(adapter, waitForStart)
  const codecs = new Codecs(options.codecs)
  const buffer = new PublishBuffer({
    send: (records, signal) => send(adapter, connection, records, signal),
    keepsKeyOrderInBatch: features.keepsKeyOrderInBatch === true,
    options: withDefaults(BUFFER_DEFAULTS, options.buffer ?? {}),
    clock,
    random,
  })
  const observer = new SendObserver(system, clock, stats)
  const publisher = new Publisher({
    buffer,
    observer,
    features,
    codecs,
    guards,
    source,
    clock,
    timeoutMs: publishTimeoutMs,
    resilience,
  })
  const requests = new Requests({ adapter, connection, publisher, codecs, guards, clock, logger, timeoutMs: requestTimeoutMs })
  const shared = {
    system,
    features,
    admin,
    codecs,
    guards,
    clock,
    random,
    logger,
    stats,
    outside: AsyncLocalStorage.snapshot(),
    subscribe: (...call: Parameters<BrokerAdapter['subscribe']>) => adapter.subscribe(...call),
    publish: (record: OutboundRecord) => publisher.republish(record),
  }
  const subscriptions = new Subscriptions({ connection, shared, stopTimeoutMs: closeTimeoutMs, waitForStart })
  return { clock, logger, stats, connection, codecs, buffer, publisher, requests, subscriptions }
}

/**
 * One try at the broker: without a connection every record is refused, for the reason why there is none. Not async, because each such function
 * on a message's way is paid for by the message.
 */
function send(
  adapter: BrokerAdapter,
  connection: Connection,
  records: readonly OutboundRecord[],
  signal: AbortSignal,
): Promise<readonly PublishResult[]> {
  if (connection.isConnected) return adapter.publish(records, signal)
  return connection.ready(signal).then(
    () => adapter.publish(records, signal),
    (thrown: unknown) => {
      const error = CommunicationError.from(thrown)
      return records.map(() => ({ ok: false, stored: 'no', error }))
    },
  )
}
