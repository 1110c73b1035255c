import { CommunicationConfig, type MessageBrokerConfig } from '@comm/config'
import type { Logger } from '@comm/core'
import { CommunicationManager } from '@comm/manager'
import type { MessageClient } from '@comm/messaging'
import { within } from '../within.ts'
import { describeBroker } from './choose-broker.ts'

/** How long a client may take to let go of its broker. */
const CLOSE_MS = 2000
/** Share of the time that one try to connect may use: the client can say better than we what it waited for. */
const ONE_TRY = 0.8

export interface BrokerUse {
  readonly section: MessageBrokerConfig
  readonly logger: Logger
  /** For the connection. */
  readonly timeoutMs: number
  /** Ends the wait for the connection; `use` has to heed it itself. */
  readonly signal: AbortSignal
  /**
   * Who publishes. It is also the group of subscriptions that name none, so a command that only looks must not have one: it would
   * take the service's messages. @default none
   */
  readonly serviceName?: string
}

/**
 * Connects to a broker with the package that its type asks for, and closes the connection whatever comes.
 * @throws ConfigurationError COMM_PACKAGE_MISSING naming the package; CommunicationError why there is no connection
 */
export async function withBroker<Result>(
  { section, logger, timeoutMs, signal, serviceName }: BrokerUse,
  use: (client: MessageClient) => Promise<Result>,
): Promise<Result> {
  const connectionTimeoutMs = Math.min(section.connectionTimeoutMs, Math.ceil(timeoutMs * ONE_TRY))
  const config = CommunicationConfig.from({
    serviceName,
    messageBroker: { ...section, connectionTimeoutMs },
    shutdown: { budgetMs: CLOSE_MS },
  })
  await using manager = new CommunicationManager(config, { logger })
  await within(timeoutMs, signal, `no connection to ${describeBroker(section)}`, (until) => manager.messaging.start(until))
  // From now on it is the client itself.
  return await use(manager.messaging)
}
