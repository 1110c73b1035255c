import type { Prepared, Run, Work } from '@comm/bench/area'
import { startKafka, startRabbitMQ, startRedis, type TestServer } from '@comm/testkit/servers'
import { KafkaStock } from './brokers/kafka.ts'
import { RabbitStock } from './brokers/rabbit.ts'
import { StreamsStock } from './brokers/streams.ts'
import { type Role, roleOf } from './role.ts'
import type { Stock } from './stock.ts'

const SERVERS = { kafka: startKafka, rabbitmq: startRabbitMQ, redis: startRedis }

interface Broker {
  /** Also the name of its URL in the environment. */
  readonly server: keyof typeof SERVERS
  readonly openStock?: (url: string) => Promise<Stock>
}

const BROKERS: Readonly<Record<Role['broker'], Broker>> = {
  rabbit: { server: 'rabbitmq', openStock: RabbitStock.open },
  streams: { server: 'redis', openStock: StreamsStock.open },
  // Keeps nothing.
  pubsub: { server: 'redis' },
  kafka: { server: 'kafka', openStock: KafkaStock.open },
}

type Stocks = ReadonlyMap<Role['broker'], Stock>

/** Starts the servers that the works need. */
export async function prepare(_signal: AbortSignal, works: readonly Work[]): Promise<Prepared> {
  const roles = works.flatMap(({ contenders }) => contenders.map(roleOf))
  await using opened = new AsyncDisposableStack()
  const environment = await startServers(roles, opened)
  const stocks = await openStocks(roles, environment, opened)
  const resources = opened.move()
  return {
    environment,
    beforeRun: async ({ contender, operations }) => {
      const role = roleOf(contender)
      if (role.does === 'consume') await stocks.get(role.broker)?.fill(role, operations)
    },
    afterRun: (run) => checkRun(run, stocks),
    stop: () => resources.disposeAsync(),
  }
}

/** @returns their URLs by their names */
async function startServers(roles: readonly Role[], opened: AsyncDisposableStack): Promise<Record<string, string>> {
  const names = [...new Set(roles.map(({ broker }) => BROKERS[broker].server))]
  const starting: readonly Promise<TestServer>[] = names.map((name) => SERVERS[name]())
  for (const start of await Promise.allSettled(starting)) if (start.status === 'fulfilled') opened.use(start.value)
  const servers = await Promise.all(starting)
  return Object.fromEntries(servers.map(({ name, url }) => [name, url]))
}

async function openStocks(
  roles: readonly Role[],
  urls: Readonly<Record<string, string>>,
  opened: AsyncDisposableStack,
): Promise<Stocks> {
  const stocks = new Map<Role['broker'], Stock>()
  for (const role of roles) {
    const { server, openStock } = BROKERS[role.broker]
    let stock = stocks.get(role.broker)
    if (stock === undefined && openStock !== undefined) {
      stock = opened.use(await openStock(urls[server] as string))
      stocks.set(role.broker, stock)
    }
    await stock?.declare(role)
  }
  return stocks
}

/** A message that did not arrive, or was not acknowledged, makes a contender fast. */
async function checkRun({ contender, operations }: Run, stocks: Stocks): Promise<void> {
  const role = roleOf(contender)
  const stock = stocks.get(role.broker)
  if (stock === undefined) return
  const found = await stock.drain(role)
  const isRight = role.does === 'publish' ? found === operations : found <= stock.tolerated
  if (!isRight) throw new Error(`${contender.name} did ${operations} operations and left ${found} messages at the broker`)
}
