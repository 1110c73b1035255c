import { pause, systemClock } from '@comm/core'
import type { Registry, ServiceDiscovery, ServiceResolver } from '@comm/discovery'
import { type FaultProxy, startFaultProxy } from '../../fault-proxy/index.ts'
import type { TestServer } from '../../servers/index.ts'
import { waitFor } from '../../wait-for.ts'
import type { RunOutcome, Say } from '../outcome.ts'
import { Caller } from './caller.ts'
import { type ChurnReport, churn } from './churn.ts'
import { InstanceProcess } from './instance-process.ts'
import {
  type DiscoveryRunOptions,
  HEARTBEAT_MS,
  type ResolvedDiscoveryRun,
  resolveDiscoveryRun,
  SERVICE,
  TTL_MS,
} from './options.ts'
import { openDiscovery, openRegistry, type RegistryAddress, startRegistry } from './registries.ts'

const INSTANCES = 3
const CLIENTS = 5
const PATIENCE_MS = 30_000
/** A new instance is called within it. */
const SHARE_LIMIT_MS = 2000
/** For the queue of a busy machine between a fact and its being noticed. */
const SLACK_MS = 500
const MOST_GROWTH_MIB = 16

export interface DiscoveryReport {
  readonly calls: number
  readonly failed: number
  /** How long after the registry answered again every instance was registered again. */
  readonly backAfterKillMs: number
  readonly backAfterStopMs: number
  readonly backAfterCutMs: number
  /** How long after its death an instance was gone from every client. */
  readonly goneAfterMs: number
  /** How long after its registration a new instance was called. */
  readonly calledAfterMs: number
  readonly churn: ChurnReport
}

/** Everything that takes part in a run. */
interface Stage {
  readonly server: TestServer
  readonly proxy: FaultProxy
  /** Reaches the registry directly, whatever becomes of the network. */
  readonly observer: Registry
  readonly clients: readonly ServiceDiscovery[]
  readonly resolvers: readonly ServiceResolver[]
  readonly instances: InstanceProcess[]
  readonly caller: Caller
}

/** `pnpm faults discovery`: a registry is killed, stopped and cut off while clients call; an instance dies; many come and go. */
export async function runDiscovery(options: DiscoveryRunOptions, say: Say): Promise<RunOutcome<DiscoveryReport>> {
  const run = resolveDiscoveryRun(options)
  const server = await startRegistry(run.broker)
  const proxy = await startFaultProxy({ target: { host: server.host, port: server.port } })
  const address: RegistryAddress = { registry: run.broker, host: proxy.host, port: proxy.port }
  const observer = await openRegistry({ ...address, host: server.host, port: server.port })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openDiscovery(address)))
  const instances: InstanceProcess[] = []
  try {
    for (let nth = 0; nth < INSTANCES; nth++) instances.push(await InstanceProcess.start(address))
    const resolvers = await Promise.all(clients.map((client) => client.warm(SERVICE)))
    const unwatch = resolvers.map((resolver) => resolver.watch(() => undefined))
    await using caller = new Caller(resolvers[0] as ServiceResolver)
    const stage: Stage = { server, proxy, observer, clients, resolvers, instances, caller }
    const report = await play(stage, run, address, say)
    for (const stop of unwatch) stop()
    return { report, failures: judge(report, caller.failures, run) }
  } finally {
    await proxy.heal()
    for (const instance of instances) await instance.kill()
    await Promise.all(clients.map((client) => client.close()))
    await observer[Symbol.asyncDispose]()
    await proxy.close()
    await server.close()
  }
}

async function play(stage: Stage, run: ResolvedDiscoveryRun, address: RegistryAddress, say: Say): Promise<DiscoveryReport> {
  const { server, proxy, caller, observer, clients, instances } = stage
  const awayMs = run.seconds * 1000
  const back = async (): Promise<number> => {
    const afterMs = await allBack(stage)
    say(`every instance is back after ${afterMs} ms; ${caller.calls} calls, ${caller.failures.length} failed`)
    return afterMs
  }
  say(`${run.broker} is killed for ${run.seconds} s`)
  await server.kill()
  await pause(systemClock, awayMs)
  await server.restart()
  const backAfterKillMs = await back()
  await fresh(stage)
  say(`${run.broker} is stopped for ${run.seconds} s, its connections stay`)
  await server.stop()
  await pause(systemClock, awayMs)
  await server.continue()
  const backAfterStopMs = await back()
  await fresh(stage)
  // Long enough that every time to live is over.
  say(`the network is silent for ${run.seconds + TTL_MS / 1000} s`)
  proxy.halfOpen()
  await pause(systemClock, awayMs + TTL_MS)
  await proxy.heal()
  const backAfterCutMs = await back()
  await fresh(stage)
  const calledAfterMs = await called(stage, address)
  say(`a new instance is called after ${calledAfterMs} ms`)
  const goneAfterMs = await gone(stage, instances[0] as InstanceProcess)
  say(`an instance that died is gone after ${goneAfterMs} ms; ${caller.calls} calls, ${caller.failures.length} failed`)
  const followers = await Promise.all(clients.slice(0, 3).map((client) => client.warm('churn')))
  const stops = followers.map((resolver) => resolver.watch(() => undefined))
  const churned = await churn(observer, 'churn', followers, { seconds: run.churn, rate: run.rate })
  for (const stop of stops) stop()
  say(`${churned.registrations} came and ${churned.deregistrations} went; lists are right after ${churned.convergedAfterMs} ms`)
  const { calls, failures } = caller
  const afterMs = { backAfterKillMs, backAfterStopMs, backAfterCutMs, goneAfterMs, calledAfterMs }
  return { calls, failed: failures.length, ...afterMs, churn: churned }
}

/** @returns how long it takes until the registry lists every instance */
function allBack({ observer, instances }: Stage): Promise<number> {
  return timed(`the registry to list all ${instances.length} instances`, async () => {
    const listed = await observer.resolve(SERVICE, AbortSignal.timeout(1000))
    return instances.every(({ id }) => listed.some((instance) => instance.id === id))
  })
}

async function fresh({ resolvers, instances }: Stage): Promise<void> {
  await timed('every list to be fresh', () =>
    resolvers.every(({ isStale, instances: listed }) => !isStale && listed.length === instances.length),
  )
}

async function called({ instances, caller }: Stage, address: RegistryAddress): Promise<number> {
  const added = await InstanceProcess.start(address)
  instances.push(added)
  return timed('the new instance to be called', () => (caller.answers.get(added.id) ?? 0) > 0)
}

async function gone({ resolvers }: Stage, instance: InstanceProcess): Promise<number> {
  const killed = instance.kill()
  return timed('the dead instance to be gone', async () => {
    await killed
    return resolvers.every(({ instances }) => !instances.some(({ id }) => id === instance.id))
  })
}

async function timed(what: string, fact: () => boolean | Promise<boolean>): Promise<number> {
  const startedAt = performance.now()
  await waitFor(fact, { what, timeoutMs: PATIENCE_MS, intervalMs: 20 })
  return Math.round(performance.now() - startedAt)
}

function judge(report: DiscoveryReport, failures: readonly string[], { least }: ResolvedDiscoveryRun): readonly string[] {
  const { failed, calls, backAfterKillMs, backAfterStopMs, backAfterCutMs, goneAfterMs, calledAfterMs } = report
  const twoHeartbeats = 2 * HEARTBEAT_MS + SLACK_MS
  const { perSecond, heapGrowthMiB: growth = 0 } = report.churn
  const late = (afterMs: number, after: string): readonly [boolean, string] => [
    afterMs > twoHeartbeats,
    `registrations were back ${afterMs} ms after ${after}, not within two heartbeats`,
  ]
  const problems: readonly (readonly [boolean, string])[] = [
    [failed > 0, `${failed} of ${calls} calls failed, the first with: ${failures[0]}`],
    late(backAfterKillMs, 'the registry'),
    late(backAfterStopMs, 'the registry went on'),
    late(backAfterCutMs, 'the network'),
    [goneAfterMs > TTL_MS + 1000, `a dead instance was listed for ${goneAfterMs} ms, longer than its time to live and a second`],
    [calledAfterMs > SHARE_LIMIT_MS, `a new instance was called only after ${calledAfterMs} ms`],
    [perSecond < least, `the registry took ${perSecond} changes a second, fewer than ${least}`],
    [growth > MOST_GROWTH_MIB, `the heap grew by ${growth} MiB while instances came and went`],
  ]
  return problems.filter(([isSo]) => isSo).map(([, text]) => text)
}
