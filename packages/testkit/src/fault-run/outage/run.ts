import { sleep } from '@comm/core'
import { clientOver, makeAdapter } from '../adapters.ts'
import { monotonicMicroseconds } from '../journal.ts'
import type { RunOutcome, Say } from '../outcome.ts'
import { STALLED_MS, whileItMoves } from '../progress.ts'
import { startOwnBroker } from '../servers.ts'
import { Bits } from './bits.ts'
import { judge, type OutageReport } from './judge.ts'
import { OfferingProcess } from './offering-process.ts'
import { type OutageRunOptions, resolveOutageRun } from './options.ts'
import { firstSuccess } from './raw-client.ts'

const TOPIC = 'faults.offered'
const GROUP = 'workers'
const CONCURRENCY = 100
/** Before the outage: connections, pools and compiled code are there, the memory is what it is without one. */
const WARM_UP_MS = { long: 10_000, brief: 3000 } as const
const BRIEF_SECONDS = 20
const GREEN_WITHIN_MS = 30_000
/** After the recovery messages are offered for so long. */
const AFTERMATH_MS = 2000
const MIB = 1024 * 1024

/**
 * Takes the broker away while a process offers messages, gives it back, and sees what the process did meanwhile.
 * @throws ConfigurationError; ServiceUnavailableError if the server cannot be started
 */
export async function runOutage(options: OutageRunOptions, say: Say = () => undefined): Promise<RunOutcome<OutageReport>> {
  const { broker, queue, how, seconds, rate, buffer } = resolveOutageRun(options)
  await using server = await startOwnBroker(broker)
  const address = { broker, host: server.host, port: server.port, queue }
  const arrived = new Bits()
  await using consumer = clientOver(await makeAdapter(address), 'consumer')
  const handle = ({ number }: { readonly number: number }): void => void arrived.add(number)
  await consumer.subscribe(TOPIC, handle, { group: GROUP, concurrency: CONCURRENCY })
  await using offering = new OfferingProcess({ address, topic: TOPIC, rate, buffer })
  await offering.connected
  await sleep(seconds <= BRIEF_SECONDS ? WARM_UP_MS.brief : WARM_UP_MS.long)
  offering.memory.begin()

  const beganAt = monotonicMicroseconds()
  await (how === 'stop' ? server.stop() : server.kill())
  say(`${how === 'stop' ? 'stopped' : 'killed'} for ${seconds} s, after ${arrived.size} messages`)
  await sleep(seconds * 1000)
  offering.memory.end()
  const rawSuccess = firstSuccess(broker, server)
  await (how === 'stop' ? server.continue() : server.restart())
  const usableAt = await rawSuccess
  say('usable again')
  const isGreen = (): boolean => offering.health.some(({ status, at }) => status === 'up' && at > usableAt)
  const isUp = (): boolean => offering.health.at(-1)?.status === 'up'
  await whileItMoves(
    () => 0,
    () => isGreen() || isUp(),
    GREEN_WITHIN_MS,
  )
  await sleep(AFTERMATH_MS)

  const { confirmed: confirmedText, ...totals } = await offering.finish()
  const confirmed = Bits.fromText(confirmedText)
  await whileItMoves(
    () => arrived.size,
    () => confirmed.countMissingIn(arrived) === 0,
    STALLED_MS,
  )
  const changedAt = (status: string, from: number): number | undefined =>
    offering.health.find((change) => change.status === status && change.at > from)?.at
  const redAt = changedAt('down', beganAt)
  const greenAt = redAt === undefined ? undefined : changedAt('up', redAt)
  const { memory } = offering
  return judge({
    broker,
    how,
    seconds,
    ...totals,
    confirmed: confirmed.size,
    arrived: arrived.size,
    lost: confirmed.countMissingIn(arrived),
    redAfterMs: since(beganAt, redAt),
    greenAfterMs: since(usableAt, greenAt),
    bufferMiB: round(memory.bufferedBytes / MIB),
    growthMiB: round(memory.grownBytes / MIB),
    creepMiB: round(memory.creptBytes / MIB),
    maxRssMiB: Math.ceil(memory.rssBytes / MIB),
  })
}

/** Milliseconds, 0 where it came before; null, as JSON writes it, where it never came. */
function since(from: number, at: number | undefined): number | null {
  return at === undefined ? null : Math.max(0, Math.round((at - from) / 1000))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
