import type { MessageBrokerConfig, Partially } from '@comm/config'
import { redactCredentials } from '@comm/core'
import { UsageError } from '../usage-error.ts'

type Section = Partially<MessageBrokerConfig>

interface Scheme {
  readonly type: MessageBrokerConfig['type']
  readonly isTls?: true
  /** What the path means. */
  readonly path?: (text: string) => Section
}

const virtualHost = (text: string): Section => ({ virtualHost: text })
const database = (text: string): Section => ({ database: Number(text) })

const SCHEMES: Readonly<Record<string, Scheme>> = {
  amqp: { type: 'rabbitmq', path: virtualHost },
  amqps: { type: 'rabbitmq', isTls: true, path: virtualHost },
  redis: { type: 'redis-streams', path: database },
  rediss: { type: 'redis-streams', isTls: true, path: database },
  'redis+pubsub': { type: 'redis', path: database },
  'rediss+pubsub': { type: 'redis', isTls: true, path: database },
  kafka: { type: 'kafka' },
  'kafka+tls': { type: 'kafka', isTls: true },
}

const BROKER_SCHEMES: readonly string[] = Object.keys(SCHEMES)

const HOST = /^(?:\[[\da-f:.]+\]|[^\s:/@[\]]+)(?::\d{1,5})?$/i
const BROKER_URL = /^(?<scheme>[a-z+]+):\/\/(?:(?<user>[^\s/@]*)@)?(?<hosts>[^\s/@?#]+)(?:\/(?<path>[^\s?#]*))?$/

/**
 * The configuration section that a URL stands for: `amqp://user:password@host:5672/vhost`, `redis://host/0`,
 * `kafka://one:9092,two:9092`. Several hosts are separated by commas; parts are percent-encoded as in every URL.
 * @throws UsageError without the URL's credentials
 */
export function sectionOfUrl(url: string): Section {
  const { scheme = '', user, hosts = '', path = '' } = BROKER_URL.exec(url)?.groups ?? {}
  const known = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined
  const servers = hosts.split(',')
  if (known === undefined || !servers.every((server) => HOST.test(server)) || (path !== '' && known.path === undefined))
    throw wrongUrl(url)
  try {
    const where = decodeURIComponent(path)
    if (known.path === database && !/^\d*$/.test(where)) throw wrongUrl(url)
    return {
      type: known.type,
      hosts: servers,
      ...(user === undefined ? {} : loginOf(user, known.type)),
      ...(where === '' ? {} : known.path?.(where)),
      ...(known.isTls ? { ssl: { enabled: true } } : {}),
    }
  } catch (thrown) {
    throw thrown instanceof URIError ? wrongUrl(url) : thrown
  }
}

function loginOf(user: string, type: Section['type']): Section {
  const colon = user.indexOf(':')
  const [name, password] = colon < 0 ? [user, undefined] : [user.slice(0, colon), user.slice(colon + 1)]
  return {
    ...(name === '' ? {} : { username: decodeURIComponent(name) }),
    ...(password === undefined ? {} : { password: decodeURIComponent(password) }),
    ...(type === 'kafka' ? { saslMechanism: 'plain' } : {}),
  }
}

function wrongUrl(url: string): UsageError {
  const shown = redactCredentials(url.replace(/\/\/.*@/s, '//[redacted]@'))
  return new UsageError(
    `--broker must be a URL such as amqp://host:5672/vhost, with ${BROKER_SCHEMES.join(', ')}, got ${JSON.stringify(shown)}`,
  )
}
