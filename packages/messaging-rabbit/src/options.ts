import { type Endpoint, partsOfUrl, serverUrl } from '@comm/core'
import {
  checkArgument,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  withDefaults,
} from '@comm/core/options'
import { SERVER_DEFAULTS, SERVER_RULES, type ServerOptions, serversOf } from '@comm/messaging/adapter'
import { checkTopology, type RabbitMQTopology } from './topology.ts'

export interface RabbitMQAdapterOptions extends ServerOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`; takes the place of host, port, hosts, username, password and virtualHost. */
  readonly url?: string
  /** @default '/' */
  readonly virtualHost?: string
  /**
   * Records that RabbitMQ sends ahead to a consumer that keeps lanes; at least twice as many as it may handle at once, so that a slow lane
   * leaves room for others. A consumer without lanes gets as many as it may handle. @default 10
   */
  readonly prefetchCount?: number
  /** A connection silent for two to three times as long is given up. AMQP counts in seconds, so it is rounded up; 0 is never. @default 5000 */
  readonly heartbeatMs?: number
  /** The topic exchange that topics are routing keys of; `<exchange>.group` beside it reaches single groups. @default 'comm' */
  readonly exchange?: string
  /** What groups' queues are made as. Delays are quorum queues in any case. @default 'quorum' */
  readonly queueType?: 'quorum' | 'classic'
  /** Highest priority, 1 to 9, of the groups' queues; only classic queues have priorities. @default none */
  readonly maxPriority?: number
  /** More arguments of the groups' queues, such as `x-max-length`. @default {} */
  readonly queueArguments?: Readonly<Record<string, unknown>>
  /** Exchanges, queues and bindings of your own, declared whenever a connection is made. @default none */
  readonly topology?: RabbitMQTopology
}

/** What has no default. */
type Optional = 'url' | 'port' | 'maxPriority' | 'topology'

export const RABBITMQ_DEFAULTS: Readonly<Required<Omit<RabbitMQAdapterOptions, Optional>>> = Object.freeze({
  ...SERVER_DEFAULTS,
  username: 'guest',
  password: 'guest',
  virtualHost: '/',
  prefetchCount: 10,
  heartbeatMs: 5000,
  exchange: 'comm',
  queueType: 'quorum',
  queueArguments: Object.freeze({}),
})

/** Room for what is appended to an exchange's name: `.group.delay.4096000000`. */
const LONGEST_EXCHANGE = 200
/** AMQP counts prefetched records in 16 bits. */
export const MOST_PREFETCHED = 65_535
const exchangeName: Rule = {
  expected: `a name of letters, digits, _, -, . and : that does not begin with amq., at most ${LONGEST_EXCHANGE} characters`,
  accepts: (value) =>
    typeof value === 'string' && value.length <= LONGEST_EXCHANGE && /^[\w.:-]+$/.test(value) && !value.startsWith('amq.'),
}
export const RABBITMQ_RULES: Rules<RabbitMQAdapterOptions> = Object.freeze({
  url: serverUrl('a URL such as amqp://user:password@host:5672/vhost or amqps://…', 'amqp:', 'amqps:'),
  ...SERVER_RULES,
  virtualHost: nonEmptyText,
  prefetchCount: number({ min: 1, max: MOST_PREFETCHED, integer: true }),
  heartbeatMs: number({ min: 0 }),
  exchange: exchangeName,
  queueType: oneOf('quorum', 'classic'),
  maxPriority: number({ min: 1, max: 9, integer: true }),
  queueArguments: object,
  topology: object,
})

/** The options with every default in its place, and the ways to say where the server is resolved into one. */
export type ResolvedOptions = typeof RABBITMQ_DEFAULTS &
  Pick<RabbitMQAdapterOptions, 'maxPriority' | 'topology'> & { readonly servers: readonly Endpoint[]; readonly isTls: boolean }

const PLAIN_PORT = 5672
const TLS_PORT = 5671

/** @throws ConfigurationError with every problem at once */
export function resolveOptions(given: RabbitMQAdapterOptions): ResolvedOptions {
  checkOptions('rabbitmq', given, RABBITMQ_RULES)
  const { url, topology } = given
  if (topology !== undefined) checkTopology(topology)
  const options = withDefaults(RABBITMQ_DEFAULTS, { ...given, ...(url && fromUrl(url)) })
  checkArgument('rabbitmq.maxPriority', options.maxPriority, {
    expected: "absent with queueType 'quorum': only classic queues have priorities",
    accepts: (maxPriority) => maxPriority === undefined || options.queueType === 'classic',
  })
  const isTls = url === undefined ? given.ssl !== undefined && options.ssl.enabled !== false : url.startsWith('amqps:')
  return Object.freeze({ ...options, isTls, servers: serversOf('rabbitmq', options, isTls ? TLS_PORT : PLAIN_PORT) })
}

function fromUrl(url: string): RabbitMQAdapterOptions {
  const { path, ...server } = partsOfUrl(url)
  return { ...server, hosts: [], ...(path && { virtualHost: path }) }
}
