// What the examples that talk over a broker have in common: the embedded one, or a real one.
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { ConfigurationError } from '@comm/core'
import { MemoryBroker, MemoryServer, type MessageClient } from '@comm/messaging'
import { KafkaClient } from '@comm/messaging-kafka'
import { RabbitMQClient } from '@comm/messaging-rabbit'
import { RedisStreamsClient } from '@comm/messaging-redis'

export interface Broker extends AsyncDisposable {
  /** For people: which one, and its version. */
  readonly title: string
  /** Several words, `order.*`, in one subscription. */
  readonly hasPatterns: boolean
  /** The variables that lead a manager there. */
  readonly env: Readonly<Record<string, string>>
  /** A client as a service of this name would make it. */
  open(service: string): MessageClient
  /** A name that no other run on the same server uses. */
  topic(name: string): string
}

const run = randomUUID().slice(0, 8)
const topic = (name: string): string => `example-${run}.${name}`

function embedded(): Broker {
  const server = new MemoryServer()
  return {
    title: 'the embedded broker',
    hasPatterns: true,
    env: { MESSAGE_BROKER_TYPE: 'memory' },
    open: (service) => new MemoryBroker({ server, name: service, group: service }),
    topic,
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Finds or starts a server as the tests do: `docs/test-servers.md`. */
async function real(name: 'rabbitmq' | 'kafka' | 'redis'): Promise<Broker> {
  const { startKafka, startRabbitMQ, startRedis } = await import('@comm/testkit/servers')
  const server = await { rabbitmq: startRabbitMQ, kafka: startKafka, redis: startRedis }[name]()
  const { host, port } = server
  const { username, password, pathname } = new URL(name === 'kafka' ? `kafka://${server.url}` : server.url)
  const login = username === '' ? {} : { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  const clients: Readonly<Record<typeof name, (service: string) => MessageClient>> = {
    rabbitmq: (service) => new RabbitMQClient({ url: server.url, name: service, group: service }),
    kafka: (service) => new KafkaClient({ host, port, name: service, group: service }),
    redis: (service) => new RedisStreamsClient({ host, port, ...login, name: service, group: service }),
  }
  return {
    title: `${name} ${server.version}`,
    hasPatterns: name === 'rabbitmq',
    env: {
      MESSAGE_BROKER_TYPE: name === 'redis' ? 'redis-streams' : name,
      MESSAGE_BROKER_HOST: host,
      MESSAGE_BROKER_PORT: String(port),
      ...(login.username === undefined
        ? {}
        : { MESSAGE_BROKER_USERNAME: login.username, MESSAGE_BROKER_PASSWORD: login.password }),
      ...(name === 'rabbitmq' && pathname.length > 1
        ? { MESSAGE_BROKER_VIRTUAL_HOST: decodeURIComponent(pathname.slice(1)) }
        : {}),
    },
    open: clients[name],
    topic,
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** The broker that `--broker` names; the embedded one without it. */
export async function brokerOfArguments(words: readonly string[]): Promise<Broker> {
  const { values } = parseArgs({ args: [...words], options: { broker: { type: 'string', default: 'memory' } } })
  switch (values.broker) {
    case 'memory':
      return embedded()
    case 'rabbitmq':
    case 'kafka':
    case 'redis':
      return real(values.broker)
    default:
      throw new ConfigurationError(`--broker is one of memory, rabbitmq, kafka, redis, not ${values.broker}`)
  }
}

/** Waits for a fact, 60 s at most. */
export async function until(what: string, fact: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 60_000
  while (!(await fact())) {
    if (performance.now() > giveUpAt) throw new Error(`waited 60 s for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
