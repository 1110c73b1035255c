import { CommunicationError, type DedupStore, exponentialBackoff, sleep } from '@comm/core'
import {
  DEAD_LETTER_GROUP,
  deadLetter,
  deadTopic,
  type HandlerVerdict,
  type MessageClient,
  type MessageMeta,
} from '@comm/messaging'
import { seededRandom } from '../seeded-random.ts'
import { type Journal, monotonicMicroseconds } from './journal.ts'
import { JournalingDedupStore } from './journaling-dedup-store.ts'
import { type FaultMessage, messageId } from './producer.ts'

export interface ConsumerPlan {
  readonly topic: string
  readonly group: string
  readonly ordered: boolean
  readonly seed: number
  /** Where a new group begins; the brokers that keep nothing for groups to come know `new` only. */
  readonly from: 'new' | 'earliest'
}

const CONCURRENCY = 16
/** A dead consumer's claims hold the messages back for so long. */
const LEASE_MS = 2000
/** One handler call in fifty fails, and of those one in five for good. */
const FAILS = 1 / 50
const FAILS_FOR_GOOD = FAILS / 5
const LONGEST_WORK_MS = 2
const AGAIN_MS = 200

/**
 * Handles the run's messages, a share of them badly, and notes the dead letters. Resolves when messages flow.
 * @throws CommunicationError that no repetition would mend; the signal's reason
 */
export async function consume(
  client: MessageClient,
  plan: ConsumerPlan,
  claims: DedupStore,
  journal: Journal,
  signal: AbortSignal,
): Promise<void> {
  const store = new JournalingDedupStore(claims, journal)
  const { topic, group, ordered, seed, from } = plan
  await untilItWorks(signal, () =>
    client.subscribe<FaultMessage>(topic, (message, meta) => handle(message, meta, store, seed), {
      group,
      concurrency: CONCURRENCY,
      ordered,
      from,
      retry: { maxAttempts: 5, backoff: exponentialBackoff({ baseMs: 200, maxMs: 2000 }), inOrder: ordered },
      dedup: { store, key: ({ id }) => id, leaseMs: LEASE_MS },
    }),
  )
  await untilItWorks(signal, () =>
    client.subscribe<FaultMessage>(
      deadTopic(topic, group),
      ({ key, n }) => journal.write(['buried', monotonicMicroseconds(), key, n]),
      { group: DEAD_LETTER_GROUP, from, deadLetter: false },
    ),
  )
}

async function handle(
  message: FaultMessage,
  meta: MessageMeta,
  store: JournalingDedupStore,
  seed: number,
): Promise<HandlerVerdict | undefined> {
  const id = messageId(message)
  const random = seededRandom(seed ^ (message.key * 1_000_003 + message.n * 101 + meta.attempt))
  const dice = random()
  store.begin(id)
  try {
    await sleep(random() * LONGEST_WORK_MS, { signal: meta.signal })
  } catch (thrown) {
    store.end(id, 'lost')
    throw thrown
  }
  store.end(id, dice < FAILS ? 'failed' : 'ok')
  if (dice < FAILS_FOR_GOOD) return deadLetter('this message is to become a dead letter')
  if (dice < FAILS) throw new Error('this handler call is to fail')
  return undefined
}

/** A consumer may be started while the broker is down. */
async function untilItWorks(signal: AbortSignal, subscribe: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await subscribe()
      return
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      if (!error.retryable) throw error
      await sleep(AGAIN_MS, { signal })
    }
  }
}
