import { sleep } from '@comm/core'
import type { MessageClient } from '@comm/messaging'
import { clientOver } from '../adapters.ts'
import type { BrokerName } from '../options.ts'
import type { RunOutcome, Say } from '../outcome.ts'
import { STALLED_MS, whileItMoves } from '../progress.ts'
import { openBroker } from '../servers.ts'
import { type DelayRunOptions, resolveDelayRun } from './options.ts'
import { Retries } from './retries.ts'

export interface DelayReport {
  readonly broker: BrokerName
  readonly messages: number
  /** In delayed retry when the broker was killed. */
  readonly waiting: number
  readonly handled: number
  readonly lost: number
  readonly duplicates: number
  /** After the retry was due, by the run's own clock: the time for which the broker was down is in it. */
  readonly lateMs: { readonly median: number; readonly most: number }
}

const TOPIC = 'faults.delayed'
const GROUP = 'workers'
const CONCURRENCY = 200
const BATCH = 500
const DOWN_MS = 1000
/** For duplicates that come late. */
const AFTERMATH_MS = 500

/**
 * Kills the broker while every message waits for its retry, starts it again, and counts what is handled.
 * @throws ConfigurationError; ServiceUnavailableError if the server cannot be started
 */
export async function runDelay(options: DelayRunOptions, say: Say = () => undefined): Promise<RunOutcome<DelayReport>> {
  const { broker: name, queue, messages } = resolveDelayRun(options)
  const retries = new Retries(messages)
  await using broker = await openBroker(name, queue)
  const adapter = await broker.adapter()
  await using client = clientOver(adapter, 'delay')
  const subscription = await client.subscribe<number>(TOPIC, retries.handle, {
    group: GROUP,
    concurrency: CONCURRENCY,
    lanes: 'none',
    retry: { maxAttempts: Number.MAX_SAFE_INTEGER },
  })
  await publish(client, messages)
  const allWait = (): boolean => retries.seen === messages && subscription.inFlight === 0
  if (!(await whileItMoves(() => retries.seen, allWait, STALLED_MS))) {
    throw new Error(`only ${retries.seen} of ${messages} messages came to be put off`)
  }
  say(`${messages} messages wait for their retry`)
  await broker.kill()
  retries.allow()
  await sleep(DOWN_MS)
  const since = performance.now()
  await broker.restart()
  say(`killed, and usable again ${Math.round(performance.now() - since)} ms after its start`)
  const isThrough = await whileItMoves(
    () => retries.handled,
    () => retries.handled === messages,
    STALLED_MS,
  )
  if (!isThrough) say(`nothing moved for ${STALLED_MS / 1000} s: ${retries.handled} handled of ${messages}`)
  await sleep(AFTERMATH_MS)
  const { handled, duplicates, late } = retries
  const lateMs = { median: late[Math.floor(late.length / 2)] ?? 0, most: late.at(-1) ?? 0 }
  const report = { broker: name, messages, waiting: messages, handled, lost: messages - handled, duplicates, lateMs }
  return { report, failures: handled === messages ? [] : [`${report.lost} of ${messages} waiting messages were not handled`] }
}

async function publish(client: MessageClient, messages: number): Promise<void> {
  for (let from = 0; from < messages; from += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, messages - from) }, (_, at) => from + at)
    for (const outcome of await client.publishMany(TOPIC, numbers)) if (!outcome.ok) throw outcome.error
  }
}
