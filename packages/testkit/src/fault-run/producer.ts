import { CommunicationError, sleep } from '@comm/core'
import type { MessageClient } from '@comm/messaging'
import type { Gate } from './gate.ts'
import { type Journal, monotonicMicroseconds } from './journal.ts'
import { KEYS } from './options.ts'

/** The body of every message: `n` counts up from 0 within its key. */
export interface FaultMessage {
  readonly key: number
  readonly n: number
}

export interface ProducerPlan {
  readonly topic: string
  /** Of the whole run; message i has key i modulo KEYS. */
  readonly messages: number
  /** Those of this producer. */
  readonly keys: readonly number[]
}

const AGAIN_MS = 100

export function messageId({ key, n }: FaultMessage): string {
  return `${key}-${n}`
}

export function messageOf(id: string): FaultMessage {
  const [key, n] = id.split('-').map(Number)
  if (key === undefined || n === undefined) throw new TypeError(`${id} is not the id of a message of this run`)
  return { key, n }
}

/**
 * Publishes every message of its keys as the gate opens, all keys side by side, awaiting each confirmation before the next message of
 * that key. What is not confirmed is published again, under the same id.
 * @throws CommunicationError that no repetition would mend; the signal's reason
 */
export async function produce(
  client: MessageClient,
  plan: ProducerPlan,
  gate: Gate,
  journal: Journal,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(plan.keys.map((key) => produceKey(client, plan, key, gate, journal, signal)))
}

async function produceKey(
  client: MessageClient,
  { topic, messages }: ProducerPlan,
  key: number,
  gate: Gate,
  journal: Journal,
  signal: AbortSignal,
): Promise<void> {
  for (let n = 0; n * KEYS + key < messages; n++) {
    await gate.pass(n * KEYS + key)
    const body: FaultMessage = { key, n }
    journal.write(['offered', monotonicMicroseconds(), key, n])
    for (;;) {
      try {
        await client.publish(topic, body, { key: `key-${key}`, id: messageId(body), signal })
        break
      } catch (thrown) {
        signal.throwIfAborted()
        const error = CommunicationError.from(thrown)
        if (!error.retryable) throw error
        await sleep(AGAIN_MS, { signal })
      }
    }
    journal.write(['confirmed', monotonicMicroseconds(), key, n])
  }
}
