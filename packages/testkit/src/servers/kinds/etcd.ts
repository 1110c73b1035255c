import { join } from 'node:path'
import { checkOptions } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'
import { commandOnPath } from '../find/path.ts'
import { debianFolder } from '../install/debian.ts'
import type { Place, ServerKind } from '../kind.ts'
import { getJson } from '../ping/http.ts'
import type { Ping } from '../process/wait-until-ready.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'

const IMAGE = 'quay.io/coreos/etcd:v3.5.21'

/** A single etcd, ready once it has elected itself. `url` is its HTTP and gRPC address, `http://127.0.0.1:…`. */
export async function startEtcd(options: CommonServerOptions = {}): Promise<TestServer> {
  checkOptions('etcd', options, { sources: sourcesRule })
  return startServer(kind, options.sources)
}

const ping: Ping = async (endpoint, signal) => {
  const { health } = (await getJson(endpoint, '/health', signal)) as { health?: unknown }
  if (String(health) !== 'true') throw new Error('etcd has no leader yet')
  const { etcdserver } = (await getJson(endpoint, '/version', signal)) as { etcdserver?: string }
  return etcdserver ?? 'unknown'
}

const kind: ServerKind = {
  name: 'etcd',
  label: 'etcd',
  ports: ['main', 'peer'],
  special: false,
  tls: undefined,
  readyMs: 30_000,
  advice: 'install etcd (Debian: apt-get install etcd-server)',
  parseUrl: (url) => {
    const { hostname, port } = new URL(url)
    return { host: hostname, port: Number(port || 2379) }
  },
  urls: (host, ports) => ({ url: `http://${host}:${ports['main']}`, urls: {} }),
  async findLocal() {
    const command = await commandOnPath('etcd')
    return command === undefined ? undefined : { command, home: '' }
  },
  async install(release) {
    const home = await debianFolder(release, 'etcd-server')
    return { command: join(home, 'usr/bin/etcd'), home }
  },
  local: ({ command }, place) => ({ files: {}, server: { command, args: flags(place) } }),
  docker: (place) => ({
    image: process.env['COMM_TEST_ETCD_IMAGE'] ?? IMAGE,
    files: {},
    command: ['etcd', ...flags(place)],
    env: {},
  }),
  ping: () => ping,
}

function flags({ folder, listen, ports }: Place): readonly string[] {
  const client = `http://${listen}:${ports['main']}`
  const peer = `http://127.0.0.1:${ports['peer']}`
  return [
    '--name=comm',
    `--data-dir=${folder}/data`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=http://127.0.0.1:${ports['main']}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=comm=${peer}`,
    // Nobody else stands for election: no need to wait long for others.
    '--heartbeat-interval=20',
    '--election-timeout=200',
  ]
}
