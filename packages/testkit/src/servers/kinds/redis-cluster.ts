import { checkArgument, checkOptions, number, type Rules, withDefaults } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'
import { ownProcessSources } from '../find/sources.ts'
import { redisCommands } from '../ping/redis.ts'
import { type Endpoint, waitUntilReady } from '../process/wait-until-ready.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { redisKind } from './redis.ts'

export interface RedisClusterOptions extends CommonServerOptions {
  /** @default 3 */
  readonly masters?: number
  /** Of each master. @default 0 */
  readonly replicas?: number
}

export const REDIS_CLUSTER_DEFAULTS: Readonly<Required<Omit<RedisClusterOptions, 'sources'>>> = Object.freeze({
  masters: 3,
  replicas: 0,
})

export interface RedisCluster extends AsyncDisposable {
  /** Masters first, then their replicas in the order of their masters. Each can be killed, stopped and restarted alone. */
  readonly nodes: readonly TestServer[]
  /** Of all nodes. */
  readonly urls: readonly string[]
  close(): Promise<void>
}

const SLOTS = 16_384
const FORMED_MS = 30_000
const NODE_TIMEOUT_MS = 2_000
const RULES: Rules<RedisClusterOptions> = {
  sources: sourcesRule,
  masters: number({ min: 3, integer: true }),
  replicas: number({ min: 0, integer: true }),
}

/** Ready once every slot is served and every replica follows its master. Always of processes of this machine, never of containers. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  checkOptions('redisCluster', options, RULES)
  const { masters, replicas, sources = ownProcessSources() } = withDefaults(REDIS_CLUSTER_DEFAULTS, options)
  checkArgument('redisCluster.masters', masters, number({ max: SLOTS, integer: true }))
  const nodes: TestServer[] = []
  const close = async () => {
    await Promise.all(nodes.map((node) => node.close()))
  }
  try {
    const kind = redisKind({}, undefined, ({ ports }) => [
      'cluster-enabled yes',
      `cluster-port ${ports['bus']}`,
      `cluster-node-timeout ${NODE_TIMEOUT_MS}`,
    ])
    const started = Array.from({ length: masters * (1 + replicas) }, () =>
      startServer({ ...kind, docker: undefined, special: true }, sources),
    )
    for (const settled of await Promise.allSettled(started)) {
      if (settled.status === 'rejected') throw settled.reason
      nodes.push(settled.value)
    }
    await form(nodes, masters)
  } catch (error) {
    await close()
    throw error
  }
  return { nodes, urls: nodes.map((node) => node.url), close, [Symbol.asyncDispose]: close }
}

async function form(nodes: readonly TestServer[], masters: number): Promise<void> {
  const first = nodes[0] as TestServer
  const ids = await Promise.all(nodes.map(async (node) => (await ask(node, 'CLUSTER', 'MYID')) as string))
  const bus = busPortOf((await ask(first, 'CLUSTER', 'NODES')) as string)
  for (const [at, node] of nodes.entries()) {
    if (at < masters) {
      const [from, to] = [Math.floor((at * SLOTS) / masters), Math.floor(((at + 1) * SLOTS) / masters) - 1]
      await ask(node, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
    }
    if (at > 0) await ask(node, 'CLUSTER', 'MEET', first.host, String(first.port), bus)
  }
  await until(nodes, async (node) => {
    const known = /cluster_known_nodes:(\d+)/.exec(await ask(node, 'CLUSTER', 'INFO'))?.[1]
    if (Number(known) !== nodes.length) throw new Error(`it knows ${known} of ${nodes.length} nodes`)
  })
  for (const [at, node] of nodes.entries()) {
    if (at >= masters) await ask(node, 'CLUSTER', 'REPLICATE', ids[(at - masters) % masters] as string)
  }
  await until(nodes, async (node) => {
    const info = await ask(node, 'CLUSTER', 'INFO')
    if (!info.includes('cluster_state:ok')) throw new Error('its cluster is not ok yet')
    const replication = await ask(node, 'INFO', 'replication')
    if (replication.includes('role:slave') && !replication.includes('master_link_status:up'))
      throw new Error('it does not follow yet')
    // Replicas are the last to be told: a client that asks any node for the slots must find all of them.
    const lines = (await ask(node, 'CLUSTER', 'NODES')).trim().split('\n')
    if (lines.filter((line) => / slave /.test(line.replaceAll(',', ' '))).length !== nodes.length - masters)
      throw new Error('it does not know every replica yet')
  })
}

/** `<id> :16379@26379 myself,master …` */
function busPortOf(line: string): string {
  const port = /@(\d+)/.exec(line)?.[1]
  if (port === undefined) throw new Error(`Redis names no bus port in ${JSON.stringify(line)}`)
  return port
}

async function until(nodes: readonly TestServer[], check: (node: Endpoint) => Promise<void>): Promise<void> {
  const ping = async (node: Endpoint) => {
    await check(node)
    return ''
  }
  await Promise.all(nodes.map((node) => waitUntilReady('Redis Cluster', node, ping, FORMED_MS)))
}

async function ask(node: Endpoint, ...words: readonly string[]): Promise<string> {
  const [reply = ''] = await redisCommands(node, [words], AbortSignal.timeout(5_000))
  return reply
}
