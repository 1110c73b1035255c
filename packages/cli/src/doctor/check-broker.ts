import { randomUUID } from 'node:crypto'
import type { MessageBrokerConfig } from '@comm/config'
import { CommunicationError, type Logger } from '@comm/core'
import type { MessageClient } from '@comm/messaging'
import { describeBroker } from '../broker/choose-broker.ts'
import { withBroker } from '../broker/with-broker.ts'
import { within } from '../within.ts'
import type { Check } from './examine.ts'

/** Brokers on which a topic of nobody's leaves nothing behind. */
const LEAVES_NOTHING: Readonly<Record<MessageBrokerConfig['type'], boolean>> = {
  memory: true,
  rabbitmq: true,
  redis: true,
  // The stream of a topic that only ephemeral subscribers asked for expires.
  'redis-streams': true,
  kafka: false,
}

export interface BrokerCheckOptions {
  readonly logger: Logger
  /** For everything together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly roundTrip: boolean
}

/** Package, connection, health, and a message to itself and back. */
export function checkBroker(section: MessageBrokerConfig, options: BrokerCheckOptions): Check {
  const { timeoutMs, roundTrip } = options
  return {
    target: describeBroker(section),
    run: async (found) => {
      found.during('connection')
      // Half of the time, so that the client says what it waited for before the doctor has to.
      const use = { ...options, section, timeoutMs: timeoutMs / 2 }
      const since = performance.now()
      await withBroker(use, async (client) => {
        found.ok(`connected in ${elapsed(since)}`)
        found.during('health')
        const { status, reason } = await client.health()
        if (status !== 'up') throw new CommunicationError(`it is ${status}: ${reason ?? 'it does not say why'}`)
        found.ok('up')
        found.during('round trip')
        if (!roundTrip) return found.skipped('--no-round-trip')
        if (!LEAVES_NOTHING[section.type]) return found.skipped(`it would leave a topic behind on ${section.type}`)
        found.ok(`a message came back in ${elapsed(await sendToSelf(client, timeoutMs / 2, options.signal))}`)
      })
    },
  }
}

/** Publishes to a topic of its own and waits for the message. @returns when it was published, as `performance.now()` */
async function sendToSelf(client: MessageClient, timeoutMs: number, signal: AbortSignal): Promise<number> {
  const topic = `comm-doctor.${randomUUID()}`
  const arrived = Promise.withResolvers<void>()
  await using _subscription = await client.subscribe(topic, () => arrived.resolve(), {
    deadLetter: false,
    retry: { maxAttempts: 1 },
  })
  const since = performance.now()
  await client.publish(topic, 'how are you?', { timeoutMs, signal })
  await within(timeoutMs, signal, `a message published to ${topic} was confirmed, but did not arrive`, () => arrived.promise)
  return since
}

function elapsed(since: number): string {
  return `${Math.round(performance.now() - since)} ms`
}
