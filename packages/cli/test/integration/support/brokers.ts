import { CommunicationConfig } from '@comm/config'
import { silentLogger } from '@comm/core'
import { CommunicationManager } from '@comm/manager'
import type {} from '@comm/messaging'
import { sharedServer, type TestServer } from '@comm/testkit/servers'

/** A broker that the command is tried on; another one is another row. */
export interface BrokerRow {
  readonly type: 'redis-streams' | 'rabbitmq' | 'kafka'
  readonly server: 'redis' | 'rabbitmq' | 'kafka'
  readonly package: string
  /** Takes single dead letters out after a replay. */
  readonly removes: boolean
  readonly patterns: boolean
  /** Keeps messages for subscribers to come. */
  readonly replays: boolean
  /** A topic is one sequence: it has no partitions. */
  readonly isOneSequence: boolean
  /** A message that no group or subscriber takes is an error. */
  readonly detectsUnroutable: boolean
  /** The doctor may send a message to itself. */
  readonly roundTrip: boolean
  /** What is called so, variables `MESSAGE_BROKER_…` that bring it about, part of the advice, and the setting that is named. */
  readonly illnesses: readonly (readonly [string, Readonly<Record<string, string>>, string, string])[]
}

export const BROKERS: readonly BrokerRow[] = [
  {
    type: 'redis-streams',
    server: 'redis',
    package: '@comm/messaging-redis',
    removes: true,
    patterns: false,
    replays: true,
    isOneSequence: true,
    detectsUnroutable: true,
    roundTrip: true,
    illnesses: [
      // Redis waits for the rest of what it takes for a command.
      [
        'TLS to a port without',
        { SSL: 'true' },
        'without the TLS that ssl asks for',
        'messageBroker.ssl.enabled: set by environment MESSAGE_BROKER_SSL',
      ],
      [
        'a refused login',
        { USERNAME: 'nobody', PASSWORD: 'top-s3cret' },
        'the server refused the login',
        'messageBroker.password: set by environment MESSAGE_BROKER_PASSWORD',
      ],
      [
        'a database that is not there',
        { DATABASE: '99' },
        'correct the number of the database',
        'messageBroker.database: set by environment MESSAGE_BROKER_DATABASE',
      ],
    ],
  },
  {
    type: 'rabbitmq',
    server: 'rabbitmq',
    package: '@comm/messaging-rabbit',
    removes: true,
    patterns: true,
    replays: false,
    isOneSequence: true,
    detectsUnroutable: true,
    roundTrip: true,
    illnesses: [
      [
        'TLS to a port without',
        { SSL: 'true' },
        'does not speak TLS',
        'messageBroker.ssl.enabled: set by environment MESSAGE_BROKER_SSL',
      ],
      [
        'a refused login',
        { USERNAME: 'guest', PASSWORD: 'top-s3cret' },
        'the server refused the login',
        'messageBroker.password: set by environment MESSAGE_BROKER_PASSWORD',
      ],
      [
        'a virtual host that is not there',
        { VIRTUAL_HOST: 'nowhere' },
        'create the virtual host',
        'messageBroker.virtualHost: set by environment MESSAGE_BROKER_VIRTUAL_HOST',
      ],
    ],
  },
  {
    type: 'kafka',
    server: 'kafka',
    package: '@comm/messaging-kafka',
    removes: true,
    patterns: false,
    replays: true,
    isOneSequence: false,
    detectsUnroutable: true,
    roundTrip: false,
    illnesses: [
      [
        'TLS to a port without',
        { SSL: 'true' },
        'does it ask for TLS?',
        'messageBroker.ssl.enabled: set by environment MESSAGE_BROKER_SSL',
      ],
      [
        'a login where there is none',
        { SASL_MECHANISM: 'plain', USERNAME: 'nobody', PASSWORD: 'top-s3cret' },
        'the server refused the login',
        'messageBroker.password: set by environment MESSAGE_BROKER_PASSWORD',
      ],
    ],
  },
]

/** Environment variables that point the command at the server. */
function environmentOf({ type }: BrokerRow, { url, host, port }: TestServer): Readonly<Record<string, string>> {
  const { username, password } = url.includes('://') ? new URL(url) : { username: '', password: '' }
  return {
    MESSAGE_BROKER_TYPE: type,
    MESSAGE_BROKER_HOST: host,
    MESSAGE_BROKER_PORT: String(port),
    ...(username === '' ? {} : { MESSAGE_BROKER_USERNAME: decodeURIComponent(username) }),
    ...(password === '' ? {} : { MESSAGE_BROKER_PASSWORD: decodeURIComponent(password) }),
  }
}

export async function environmentFor(row: BrokerRow): Promise<Readonly<Record<string, string>>> {
  return environmentOf(row, await sharedServer(row.server))
}

/** A service on that broker, to fail at messages and to receive them. */
export function service(env: Readonly<Record<string, string>>): CommunicationManager {
  return new CommunicationManager(CommunicationConfig.fromEnv(env), { logger: silentLogger })
}
