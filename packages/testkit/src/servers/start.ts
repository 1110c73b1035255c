import { type FoundServer, findServer } from './find/find-server.ts'
import { type SourceChoice, sourcesFromEnvironment } from './find/sources.ts'
import type { ServerKind } from './kind.ts'
import type { TestServer } from './server.ts'
import { SERVER_VARIABLES } from './variables.ts'

export async function startServer(kind: ServerKind, sources: readonly SourceChoice[] | undefined): Promise<TestServer> {
  return describe(kind, await findServer(kind, sources ?? sourcesFromEnvironment()))
}

function describe(kind: ServerKind, found: FoundServer): TestServer {
  const { control, host, ports, version, source } = found
  const given = source === 'environment' ? process.env[SERVER_VARIABLES[kind.name]] : undefined
  const { url, urls } = given === undefined ? kind.urls(host, ports) : { url: given, urls: {} }
  return {
    name: kind.name,
    url,
    urls,
    host,
    port: ports['main'] as number,
    tls: kind.tls,
    source,
    version,
    get pid() {
      return control.pid
    },
    kill: () => control.kill(),
    stop: () => control.stop(),
    continue: () => control.continue(),
    restart: () => control.restart(),
    close: () => control.close(),
    logs: () => control.logs(),
    [Symbol.asyncDispose]: () => control.close(),
  }
}
