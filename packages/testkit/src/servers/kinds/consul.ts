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

const IMAGE = 'hashicorp/consul:1.20'

/** A single Consul server that keeps its data, ready once it has elected itself. `url` is `http://127.0.0.1:…`. */
export async function startConsul(options: CommonServerOptions = {}): Promise<TestServer> {
  checkOptions('consul', options, { sources: sourcesRule })
  return startServer(kind, options.sources)
}

const ping: Ping = async (endpoint, signal) => {
  const leader = await getJson(endpoint, '/v1/status/leader', signal)
  if (leader === '') throw new Error('Consul has no leader yet')
  const { Config: config } = (await getJson(endpoint, '/v1/agent/self', signal)) as { Config?: { Version?: string } }
  // The leader itself answers a consistent read only when it has caught up with its log.
  await getJson(endpoint, '/v1/catalog/services?consistent', signal)
  return config?.Version ?? 'unknown'
}

const kind: ServerKind = {
  name: 'consul',
  label: 'Consul',
  ports: ['main', 'rpc', 'serf'],
  special: false,
  tls: undefined,
  readyMs: 30_000,
  advice: 'install Consul (Debian 11 was the last release with a package of it)',
  parseUrl: (url) => {
    const { hostname, port } = new URL(url)
    return { host: hostname, port: Number(port || 8500) }
  },
  urls: (host, ports) => ({ url: `http://${host}:${ports['main']}`, urls: {} }),
  async findLocal() {
    const command = await commandOnPath('consul')
    return command === undefined ? undefined : { command, home: '' }
  },
  /** Later versions are not open source, and no later Debian has one. */
  async install() {
    const home = await debianFolder('debian11', 'consul')
    return { command: join(home, 'usr/bin/consul'), home }
  },
  local: ({ command }, place) => ({
    files: { 'consul.json': configuration(place) },
    server: { command, args: ['agent', `-config-file=${place.folder}/consul.json`] },
  }),
  docker: (place) => ({
    image: process.env['COMM_TEST_CONSUL_IMAGE'] ?? IMAGE,
    files: { 'consul.json': configuration(place) },
    command: ['consul', 'agent', `-config-file=${place.folder}/consul.json`],
    env: {},
  }),
  ping: () => ping,
}

function configuration({ folder, listen, ports }: Place): string {
  return JSON.stringify({
    server: true,
    bootstrap_expect: 1,
    node_name: 'comm',
    data_dir: `${folder}/data`,
    bind_addr: '127.0.0.1',
    client_addr: listen,
    ports: { http: ports['main'], server: ports['rpc'], serf_lan: ports['serf'], dns: -1, grpc: -1, serf_wan: -1 },
    // A restarted single server must not wait for peers, and nobody else stands for election.
    leave_on_terminate: false,
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    log_level: 'INFO',
  })
}
