import { join } from 'node:path'
import { checkOptions } from '@comm/core/options'
import { createTlsFiles, type TlsFiles } from '../certificates.ts'
import { commandOnPath } from '../find/path.ts'
import { debianFolder } from '../install/debian.ts'
import type { Place, ServerKind } from '../kind.ts'
import { getJson } from '../ping/http.ts'
import type { Ping } from '../process/wait-until-ready.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { CONSUL_SERVER_RULES, type ConsulServerOptions } from './consul-options.ts'

const IMAGE = 'hashicorp/consul:1.20'

/** A single Consul server that keeps its data, ready once it has elected itself. `url` is `http://127.0.0.1:…`. */
export async function startConsul(options: ConsulServerOptions = {}): Promise<TestServer> {
  checkOptions('consul', options, CONSUL_SERVER_RULES)
  const tls = options.tls ? await createTlsFiles() : undefined
  return startServer(consulKind(options, tls), options.sources)
}

const pingWith =
  (token: string | undefined): Ping =>
  async (endpoint, signal) => {
    const get = (path: string): Promise<unknown> =>
      getJson(endpoint, path, signal, token === undefined ? {} : { 'x-consul-token': token })
    const leader = await get('/v1/status/leader')
    if (leader === '') throw new Error('Consul has no leader yet')
    const { Config: config } = (await get('/v1/agent/self')) as { Config?: { Version?: string } }
    // The leader itself answers a consistent read only when it has caught up with its log.
    await get('/v1/catalog/services?consistent')
    return config?.Version ?? 'unknown'
  }

function consulKind(options: ConsulServerOptions, tls: TlsFiles | undefined): ServerKind {
  const files = (place: Place) => ({
    'consul.json': configuration(place, options),
    ...(tls && { 'ca.pem': tls.ca, 'cert.pem': tls.cert, 'key.pem': tls.key }),
  })
  return {
    name: 'consul',
    label: 'Consul',
    ports: ['main', ...(tls ? ['tls'] : []), 'rpc', 'serf'],
    special: options.token !== undefined || tls !== undefined,
    tls,
    readyMs: 30_000,
    advice: 'install Consul (Debian 11 was the last release with a package of it)',
    parseUrl: (url) => {
      const { hostname, port } = new URL(url)
      return { host: hostname, port: Number(port || 8500) }
    },
    urls: (host, ports) => ({
      url: `http://${host}:${ports['main']}`,
      urls: tls ? { tls: `https://${host}:${ports['tls']}` } : {},
    }),
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
      files: files(place),
      server: { command, args: ['agent', `-config-file=${place.folder}/consul.json`] },
    }),
    docker: (place) => ({
      image: process.env['COMM_TEST_CONSUL_IMAGE'] ?? IMAGE,
      files: files(place),
      command: ['consul', 'agent', `-config-file=${place.folder}/consul.json`],
      env: {},
    }),
    ping: () => pingWith(options.token),
  }
}

function configuration({ folder, listen, ports }: Place, { token, tls }: ConsulServerOptions): string {
  return JSON.stringify({
    server: true,
    bootstrap_expect: 1,
    node_name: 'comm',
    data_dir: `${folder}/data`,
    bind_addr: '127.0.0.1',
    client_addr: listen,
    ports: {
      http: ports['main'],
      https: ports['tls'] ?? -1,
      server: ports['rpc'],
      serf_lan: ports['serf'],
      dns: -1,
      grpc: -1,
      serf_wan: -1,
    },
    // A restarted single server must not wait for peers, and nobody else stands for election.
    leave_on_terminate: false,
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    log_level: 'INFO',
    ...(token && { acl: { enabled: true, default_policy: 'deny', tokens: { master: token, agent: token } } }),
    ...(tls && {
      ca_file: `${folder}/ca.pem`,
      cert_file: `${folder}/cert.pem`,
      key_file: `${folder}/key.pem`,
      verify_incoming_https: tls === 'mutual',
    }),
  })
}
