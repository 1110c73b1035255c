import { createHash, randomBytes } from 'node:crypto'
import { withDefaults } from '@comm/core/options'
import type { TlsFiles } from '../certificates.ts'
import type { Place } from '../kind.ts'
import { RABBITMQ_SERVER_DEFAULTS, type RabbitMQServerOptions } from './rabbitmq-options.ts'

/** The files of RabbitMQ's folder, by name. */
export function rabbitmqFiles(
  options: RabbitMQServerOptions,
  tls: TlsFiles | undefined,
  { folder, listen, ports }: Place,
): Readonly<Record<string, string>> {
  const { users, vhosts, tls: kind, plugins, config } = withDefaults(RABBITMQ_SERVER_DEFAULTS, options)
  const lines: Record<string, string> = {
    'listeners.tcp.1': `${listen}:${ports['main']}`,
    loopback_users: 'none',
    load_definitions: `${folder}/definitions.json`,
    'log.console': 'true',
    'log.console.level': 'info',
    'log.file': 'false',
  }
  if (tls) {
    Object.assign(lines, {
      'listeners.ssl.1': `${listen}:${ports['tls']}`,
      'ssl_options.cacertfile': `${folder}/ca.pem`,
      'ssl_options.certfile': `${folder}/cert.pem`,
      'ssl_options.keyfile': `${folder}/key.pem`,
      'ssl_options.verify': kind === 'mutual' ? 'verify_peer' : 'verify_none',
      'ssl_options.fail_if_no_peer_cert': String(kind === 'mutual'),
    })
  }
  Object.assign(lines, config)
  return {
    'rabbitmq.conf': Object.entries(lines)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
    'definitions.json': JSON.stringify(definitions({ guest: 'guest', ...users }, ['/', ...vhosts])),
    enabled_plugins: `[${plugins.join(',')}].\n`,
    // Instead of the machine's own.
    'rabbitmq-env.conf': '',
    ...(tls && { 'ca.pem': tls.ca, 'cert.pem': tls.cert, 'key.pem': tls.key }),
  }
}

function definitions(users: Readonly<Record<string, string>>, vhosts: readonly string[]): object {
  const names = Object.keys(users)
  return {
    users: Object.entries(users).map(([name, password]) => ({
      name,
      password_hash: passwordHash(password),
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: 'administrator',
    })),
    vhosts: vhosts.map((name) => ({ name })),
    permissions: vhosts.flatMap((vhost) => names.map((user) => ({ user, vhost, configure: '.*', write: '.*', read: '.*' }))),
  }
}

/** Four bytes of salt and the SHA-256 of salt and password, in base64 (RabbitMQ's documentation, "Passwords"). */
function passwordHash(password: string): string {
  const salt = randomBytes(4)
  const digest = createHash('sha256').update(salt).update(password, 'utf8').digest()
  return Buffer.concat([salt, digest]).toString('base64')
}
