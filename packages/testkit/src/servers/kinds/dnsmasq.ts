import { Resolver } from 'node:dns/promises'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { checkOptions } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'
import { commandOnPath } from '../find/path.ts'
import { ownProcessSources, sourcesFromEnvironment } from '../find/sources.ts'
import { debianFolder } from '../install/debian.ts'
import type { Place, ServerKind } from '../kind.ts'
import type { Ping } from '../process/wait-until-ready.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'

/** The zone that the server answers for: names in it that have no record do not exist. */
export const DNS_TEST_ZONE = 'comm.test'

const READY = `ready.${DNS_TEST_ZONE}`

export interface DnsServerOptions extends CommonServerOptions {
  /** Seconds that answers may be kept. @default 1 */
  readonly ttl?: number
}

/** A real DNS server of the test's own, for the zone `comm.test`. */
export interface DnsServer extends TestServer {
  /**
   * Replaces every record, as lines of dnsmasq's configuration: `host-record=a.comm.test,127.0.0.1`,
   * `srv-host=_orders._tcp.comm.test,a.comm.test,8080,0,5`. Resolves when it answers with them.
   */
  setRecords(lines: readonly string[]): Promise<void>
}

/** dnsmasq on a free port of the loopback address, UDP and TCP. @throws ServiceUnavailableError if none could be found or started */
export async function startDnsmasq(options: DnsServerOptions = {}): Promise<DnsServer> {
  checkOptions('dnsmasq', options, {
    sources: sourcesRule,
    ttl: { expected: 'seconds', accepts: (value) => Number.isInteger(value) },
  })
  const folder = await mkdtemp(join(tmpdir(), 'comm-dns-records-'))
  const file = join(folder, 'records.conf')
  await writeFile(file, '')
  const sources = ownProcessSources(options.sources ?? sourcesFromEnvironment())
  const server = await startServer(dnsmasqKind(file, options.ttl ?? 1), sources)
  const close = async (): Promise<void> => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  }
  return {
    ...server,
    get pid() {
      return server.pid
    },
    close,
    [Symbol.asyncDispose]: close,
    async setRecords(lines) {
      await writeFile(file, `${lines.join('\n')}\n`)
      await server.restart()
    },
  }
}

const ping: Ping = async ({ host, port }, signal) => {
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`${host}:${port}`])
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel)
  try {
    await resolver.resolve4(READY)
    return 'unknown'
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

function dnsmasqKind(recordsFile: string, ttl: number): ServerKind {
  return {
    name: 'dnsmasq',
    label: 'dnsmasq',
    ports: ['main'],
    special: true,
    tls: undefined,
    readyMs: 20_000,
    advice: 'install dnsmasq (Debian: apt-get install dnsmasq-base)',
    parseUrl: (url) => {
      const { hostname, port } = new URL(url)
      return { host: hostname, port: Number(port || 53) }
    },
    urls: (host, ports) => ({ url: `dns://${host}:${ports['main']}`, urls: {} }),
    async findLocal() {
      const command = await commandOnPath('dnsmasq')
      return command === undefined ? undefined : { command, home: '' }
    },
    async install(release) {
      const home = await debianFolder(release, 'dnsmasq-base')
      return { command: join(home, 'usr/sbin/dnsmasq'), home }
    },
    local: ({ command }, place) => ({ files: {}, server: { command, args: flags(place, recordsFile, ttl) } }),
    docker: undefined,
    ping: () => ping,
  }
}

function flags({ listen, ports }: Place, recordsFile: string, ttl: number): readonly string[] {
  return [
    '--keep-in-foreground',
    `--conf-file=${recordsFile}`,
    '--pid-file',
    `--user=${userInfo().username}`,
    `--port=${ports['main']}`,
    `--listen-address=${listen}`,
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    '--no-poll',
    `--local=/${DNS_TEST_ZONE}/`,
    `--local-ttl=${ttl}`,
    `--host-record=${READY},127.0.0.1`,
    '--log-facility=-',
  ]
}
