import { checkOptions, nonEmptyText, number, type Rules, withDefaults } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'
import { ownProcessSources } from '../find/sources.ts'
import type { ServerKind } from '../kind.ts'
import { redisCommands } from '../ping/redis.ts'
import { type Endpoint, waitUntilReady } from '../process/wait-until-ready.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { redisKind } from './redis.ts'

export interface RedisSentinelOptions extends CommonServerOptions {
  /** The name under which the sentinels know the master. @default 'comm' */
  readonly masterName?: string
  /** @default 1 */
  readonly replicas?: number
  /** A majority of them must agree that the master is gone. @default 3 */
  readonly sentinels?: number
  /** How long a master must be silent before it is taken for gone. @default 1000 */
  readonly downAfterMs?: number
}

export const REDIS_SENTINEL_DEFAULTS: Readonly<Required<Omit<RedisSentinelOptions, 'sources'>>> = Object.freeze({
  masterName: 'comm',
  replicas: 1,
  sentinels: 3,
  downAfterMs: 1_000,
})

export interface RedisSentinel extends AsyncDisposable {
  readonly masterName: string
  /** The master of the beginning; after a failover one of the replicas is. */
  readonly master: TestServer
  readonly replicas: readonly TestServer[]
  readonly sentinels: readonly TestServer[]
  close(): Promise<void>
}

const WATCHING_MS = 30_000
const RULES: Rules<RedisSentinelOptions> = {
  sources: sourcesRule,
  masterName: nonEmptyText,
  replicas: number({ min: 1, integer: true }),
  sentinels: number({ min: 1, integer: true }),
  downAfterMs: number({ min: 100, integer: true }),
}

/** Ready once every sentinel knows the master, its replicas and the other sentinels: a failover works from then on. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  checkOptions('redisSentinel', options, RULES)
  const {
    masterName,
    replicas: replicaCount,
    sentinels: sentinelCount,
    downAfterMs,
    sources = ownProcessSources(),
  } = withDefaults(REDIS_SENTINEL_DEFAULTS, options)
  const all: TestServer[] = []
  const close = async () => {
    await Promise.all(all.map((server) => server.close()))
  }
  const start = async (kind: ServerKind) => {
    const server = await startServer({ ...kind, docker: undefined, special: true }, sources)
    all.push(server)
    return server
  }
  const startMany = async (count: number, kind: ServerKind) => {
    const settled = await Promise.allSettled(Array.from({ length: count }, () => start(kind)))
    return settled.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }
  try {
    const master = await start(redisKind({}, undefined))
    const following = redisKind({}, undefined, () => [`replicaof ${master.host} ${master.port}`])
    const replicas = await startMany(replicaCount, following)
    const quorum = Math.floor(sentinelCount / 2) + 1
    const sentinels = await startMany(sentinelCount, sentinelKind(masterName, master, quorum, downAfterMs))
    await Promise.all(sentinels.map((sentinel) => untilWatching(sentinel, masterName, replicaCount, sentinelCount)))
    return { masterName, master, replicas, sentinels, close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

function sentinelKind(name: string, master: Endpoint, quorum: number, downAfterMs: number): ServerKind {
  const kind = redisKind({}, undefined)
  return {
    ...kind,
    label: 'Redis Sentinel',
    local(found, place) {
      const configuration = [
        `port ${place.ports['main']}`,
        `bind ${place.listen}`,
        `dir ${place.folder}`,
        'protected-mode no',
        `sentinel monitor ${name} ${master.host} ${master.port} ${quorum}`,
        `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
        `sentinel failover-timeout ${name} ${10 * downAfterMs}`,
        '',
      ]
      return {
        files: { 'sentinel.conf': configuration.join('\n') },
        server: { command: found.command, args: [`${place.folder}/sentinel.conf`, '--sentinel'] },
      }
    },
  }
}

async function untilWatching(sentinel: Endpoint, name: string, replicas: number, sentinels: number): Promise<void> {
  const ping = async (endpoint: Endpoint, signal: AbortSignal) => {
    const [info = ''] = await redisCommands(endpoint, [['INFO', 'sentinel']], signal)
    const line = info.split('\n').find((text) => text.includes(`name=${name},`)) ?? ''
    const ready = line.includes('status=ok') && line.includes(`slaves=${replicas}`) && line.includes(`sentinels=${sentinels}`)
    if (!ready) throw new Error(`it says ${JSON.stringify(line)}`)
    return ''
  }
  await waitUntilReady('Redis Sentinel', sentinel, ping, WATCHING_MS)
}
