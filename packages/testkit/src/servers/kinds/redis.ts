import { join } from 'node:path'
import { checkOptions, withDefaults } from '@comm/core/options'
import { createTlsFiles, type TlsFiles } from '../certificates.ts'
import { commandOnPath } from '../find/path.ts'
import { debianFolder } from '../install/debian.ts'
import type { Place, ServerKind } from '../kind.ts'
import { redisPing } from '../ping/redis.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { REDIS_SERVER_DEFAULTS, REDIS_SERVER_RULES, type RedisServerOptions } from './redis-options.ts'

const IMAGE = 'redis:8.0'

/**
 * A single Redis, ready once it answers PING with its data loaded. `url` is `redis://…`, `urls.tls` is `rediss://…`.
 *
 * @throws ConfigurationError if an option is wrong; ServiceUnavailableError if none could be found or started
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<TestServer> {
  checkOptions('redis', options, REDIS_SERVER_RULES)
  const tls = options.tls ? await createTlsFiles() : undefined
  return startServer(redisKind(options, tls), options.sources)
}

/** @param extra lines of configuration beside what the options say */
export function redisKind(
  options: RedisServerOptions,
  tls: TlsFiles | undefined,
  extra: (place: Place) => readonly string[] = () => [],
): ServerKind {
  const { sources: _, ...shaping } = options
  const files = (place: Place) => ({
    'redis.conf': [...configuration(options, place), ...extra(place)].join('\n'),
    ...(tls && { 'ca.pem': tls.ca, 'cert.pem': tls.cert, 'key.pem': tls.key }),
  })
  return {
    name: 'redis',
    label: 'Redis',
    ports: ['main', ...(tls ? ['tls'] : []), 'bus'],
    special: Object.values(shaping).some((value) => value !== undefined),
    tls,
    readyMs: 20_000,
    advice: 'install Redis (Debian: apt-get install redis-server)',
    parseUrl: (url) => {
      const { hostname, port } = new URL(url)
      return { host: hostname, port: Number(port || 6379) }
    },
    urls: (host, ports) => {
      const login = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`
      return {
        url: `redis://${login}${host}:${ports['main']}`,
        urls: tls ? { tls: `rediss://${login}${host}:${ports['tls']}` } : {},
      }
    },
    async findLocal() {
      const command = await commandOnPath('redis-server')
      return command === undefined ? undefined : { command, home: '' }
    },
    async install(release) {
      const home = await debianFolder(release, 'redis-server')
      return { command: join(home, 'usr/bin/redis-server'), home }
    },
    local: ({ command }, place) => ({
      files: files(place),
      server: { command, args: [join(place.folder, 'redis.conf')] },
    }),
    docker: (place) => ({
      image: process.env['COMM_TEST_REDIS_IMAGE'] ?? IMAGE,
      files: files({ ...place, folder: '/comm' }),
      command: ['redis-server', '/comm/redis.conf'],
      env: {},
    }),
    ping: (url) => redisPing(url === undefined ? loginOf(options) : loginIn(url)),
  }
}

function configuration(options: RedisServerOptions, { folder, listen, ports }: Place): readonly string[] {
  const { appendonly, appendfsync, password, acl, tls } = withDefaults(REDIS_SERVER_DEFAULTS, options)
  const lines = [
    `bind ${listen}`,
    `port ${ports['main']}`,
    'protected-mode no',
    `dir ${folder}`,
    'save ""',
    `appendonly ${appendonly ? 'yes' : 'no'}`,
    `appendfsync ${appendfsync}`,
    'enable-debug-command yes',
  ]
  if (password !== undefined) lines.push(`requirepass ${quoted(password)}`)
  for (const rules of acl) lines.push(`user ${rules}`)
  if (tls) {
    lines.push(`tls-port ${ports['tls']}`, `tls-ca-cert-file ${folder}/ca.pem`)
    lines.push(`tls-cert-file ${folder}/cert.pem`, `tls-key-file ${folder}/key.pem`)
    lines.push(`tls-auth-clients ${tls === 'mutual' ? 'yes' : 'no'}`)
  }
  return lines
}

/** As redis.conf reads a word in double quotes. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`
}

function loginOf({ password }: RedisServerOptions): { readonly password?: string } {
  return password === undefined ? {} : { password }
}

function loginIn(url: string): { readonly username?: string; readonly password?: string } {
  const { username, password } = new URL(url)
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  }
}
