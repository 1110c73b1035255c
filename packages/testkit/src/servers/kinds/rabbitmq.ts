import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkOptions } from '@comm/core/options'
import { createTlsFiles, type TlsFiles } from '../certificates.ts'
import { commandOnPath } from '../find/path.ts'
import { debianFolder } from '../install/debian.ts'
import type { Found, Place, ServerKind } from '../kind.ts'
import { rabbitmqPing } from '../ping/rabbitmq.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { rabbitmqFiles } from './rabbitmq-config.ts'
import { RABBITMQ_SERVER_RULES, type RabbitMQServerOptions } from './rabbitmq-options.ts'

const IMAGE = 'rabbitmq:4.0'
/** Where the package has the real script: the one on the path insists on a system user. */
const PACKAGE_FOLDER = '/usr/lib/rabbitmq/lib'

/**
 * A single RabbitMQ node, ready once it takes AMQP connections. `url` is `amqp://guest:guest@…`, `urls.tls` the same with `amqps`.
 *
 * @throws ConfigurationError if an option is wrong; ServiceUnavailableError if none could be found or started
 */
export async function startRabbitMQ(options: RabbitMQServerOptions = {}): Promise<TestServer> {
  checkOptions('rabbitmq', options, RABBITMQ_SERVER_RULES)
  const tls = options.tls ? await createTlsFiles() : undefined
  return startServer(rabbitmqKind(options, tls), options.sources)
}

function rabbitmqKind(options: RabbitMQServerOptions, tls: TlsFiles | undefined): ServerKind {
  const { sources: _, ...shaping } = options
  return {
    name: 'rabbitmq',
    label: 'RabbitMQ',
    ports: ['main', ...(tls ? ['tls'] : []), 'epmd', 'distribution'],
    special: Object.values(shaping).some((value) => value !== undefined),
    tls,
    readyMs: 120_000,
    advice: 'install RabbitMQ (Debian: apt-get install rabbitmq-server)',
    parseUrl: (url) => {
      const { hostname, port } = new URL(url)
      return { host: hostname, port: Number(port || 5672) }
    },
    urls: (host, ports) => ({
      url: `amqp://guest:guest@${host}:${ports['main']}`,
      urls: tls ? { tls: `amqps://guest:guest@${host}:${ports['tls']}` } : {},
    }),
    async findLocal() {
      const epmd = await commandOnPath('epmd')
      const command = (await scriptIn(PACKAGE_FOLDER)) ?? (await commandOnPath('rabbitmq-server'))
      return command === undefined || epmd === undefined ? undefined : { command, home: dirname(epmd) }
    },
    async install(release) {
      const root = await debianFolder(release, 'rabbitmq-server')
      const command = await scriptIn(join(root, PACKAGE_FOLDER))
      if (command === undefined) throw new Error(`${root} has no RabbitMQ`)
      return { command, home: join(root, 'usr/bin') }
    },
    local: (found, place) => localPlan(found, place, rabbitmqFiles(options, tls, place)),
    docker: (place) => ({
      image: process.env['COMM_TEST_RABBITMQ_IMAGE'] ?? IMAGE,
      files: rabbitmqFiles(options, tls, place),
      command: ['rabbitmq-server'],
      env: {
        RABBITMQ_NODENAME: 'comm@localhost',
        RABBITMQ_CONFIG_FILE: `${place.folder}/rabbitmq.conf`,
        RABBITMQ_ENABLED_PLUGINS_FILE: `${place.folder}/enabled_plugins`,
      },
    }),
    ping: () => rabbitmqPing,
  }
}

async function scriptIn(folder: string): Promise<string | undefined> {
  const version = (await readdir(folder).catch(() => [])).find((name) => name.startsWith('rabbitmq_server-'))
  return version === undefined ? undefined : join(folder, version, 'sbin/rabbitmq-server')
}

/**
 * Erlang's port mapper is one per machine by default and outlives every node; each server has one of its own here, on a free port
 * and of its own life.
 */
function localPlan({ command, home }: Found, { folder, ports }: Place, files: Readonly<Record<string, string>>) {
  const env = {
    PATH: `${home}:${process.env['PATH']}`,
    HOME: folder,
    ERL_EPMD_PORT: String(ports['epmd']),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: 'comm@localhost',
    RABBITMQ_DIST_PORT: String(ports['distribution']),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: `${folder}/rabbitmq-env.conf`,
    RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
    RABBITMQ_MNESIA_BASE: `${folder}/data`,
    RABBITMQ_LOG_BASE: folder,
    RABBITMQ_PID_FILE: `${folder}/rabbitmq.pid`,
    // The script then becomes the server instead of a shell that waits for it.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
  return {
    files,
    companion: { command: join(home, 'epmd'), args: ['-port', String(ports['epmd']), '-address', '127.0.0.1'], env },
    server: { command, args: [], env },
  }
}
