import { createServer } from 'node:http'
import { CommunicationError } from '@comm/core'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { findServer } from '../../src/servers/find/find-server.ts'
import { SOURCES_DEFAULT, sourcesFromEnvironment } from '../../src/servers/find/sources.ts'
import type { Found, ServerKind } from '../../src/servers/kind.ts'
import { getJson } from '../../src/servers/ping/http.ts'
import { waitFor } from '../../src/wait-for.ts'
import { isAlive } from '../support/is-alive.ts'

const VARIABLE = 'COMM_TEST_ETCD_URL'
const node: Found = { command: process.execPath, home: '' }

/** A server of a few lines: answers on its port what its program says. */
function kindOf(program: string, changes: Partial<ServerKind> = {}): ServerKind {
  return {
    name: 'etcd',
    label: 'Toy',
    ports: ['main', 'other'],
    special: false,
    tls: undefined,
    readyMs: 5_000,
    advice: 'install a toy',
    parseUrl: (url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) }),
    urls: (host, ports) => ({ url: `http://${host}:${ports['main']}`, urls: {} }),
    findLocal: async () => node,
    install: async () => node,
    local: (found, { ports }) => ({
      files: { 'toy.mjs': program },
      server: { command: found.command, args: ['toy.mjs', String(ports['main'])] },
    }),
    docker: undefined,
    ping: () => async (endpoint, signal) => String(await getJson(endpoint, '/', signal)),
    ...changes,
  }
}

const ANSWERS = `import { createServer } from 'node:http'
console.log('toy starts')
createServer((_, response) => response.end('7')).listen(Number(process.argv[2]), '127.0.0.1')`

let had: string | undefined
beforeEach(() => {
  had = process.env[VARIABLE]
  delete process.env[VARIABLE]
})
afterEach(() => {
  if (had === undefined) delete process.env[VARIABLE]
  else process.env[VARIABLE] = had
})

describe('findServer', () => {
  it('uses the address in the environment, which nobody may harm', async () => {
    const server = createServer((_, response) => response.end('3')).listen(0, '127.0.0.1')
    await waitFor(() => server.address() !== null)
    const { port } = server.address() as { port: number }
    process.env[VARIABLE] = `http://127.0.0.1:${port}`
    const found = await findServer(kindOf(ANSWERS), SOURCES_DEFAULT)
    expect(found).toMatchObject({ source: 'environment', version: '3', ports: { main: port } })
    const failed = await found.control.kill().catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(CommunicationError)
    expect(failed).toMatchObject({
      code: 'COMM_UNSUPPORTED',
      message: `cannot kill Toy: it runs elsewhere, at the address in ${VARIABLE}; unset ${VARIABLE} to let the test start one of its own`,
    })
    await found.control.close()
    server.closeAllConnections()
    server.close()
  })

  it('tries nothing else where the environment names a server that does not answer', async () => {
    process.env[VARIABLE] = 'http://127.0.0.1:1'
    const kind = kindOf(ANSWERS, { readyMs: 100, ping: () => () => Promise.reject(new Error('refused')) })
    await expect(findServer(kind, SOURCES_DEFAULT)).rejects.toMatchObject({
      code: 'COMM_SERVICE_UNAVAILABLE',
      message: `Toy of ${VARIABLE} on 127.0.0.1:1 did not answer within 100 ms: refused`,
    })
  })

  it('passes over the environment for a server with options of its own', async () => {
    process.env[VARIABLE] = 'http://127.0.0.1:1'
    const found = await findServer(kindOf(ANSWERS, { special: true }), ['environment', 'local'])
    expect(found.source).toBe('local')
    await found.control.close()
  })

  it('starts a program, which ends with all it printed still to be read', async () => {
    const { control, source, version } = await findServer(kindOf(ANSWERS), ['local'])
    const pid = control.pid!
    expect({ source, version, alive: isAlive(pid) }).toEqual({ source: 'local', version: '7', alive: true })
    await Promise.all([control.close(), control.close()])
    expect({ pid: control.pid, alive: isAlive(pid), logs: await control.logs() }).toEqual({
      pid: undefined,
      alive: false,
      logs: 'toy starts\n',
    })
  })

  it('starts again elsewhere when somebody else took the port', async () => {
    let starts = 0
    const taken = `console.error('EADDRINUSE'); process.exit(1)`
    const kind = kindOf(ANSWERS)
    const unlucky: ServerKind = {
      ...kind,
      local: (found, place) => ({ ...kind.local(found, place), files: { 'toy.mjs': ++starts === 1 ? taken : ANSWERS } }),
    }
    const { control } = await findServer(unlucky, ['local'])
    expect(starts).toBe(2)
    await control.close()
  })

  it('says in one message what was tried, what came of it and what helps', async () => {
    const kind = kindOf(`console.error('bad luck'); process.exit(3)`, {
      install: () => Promise.reject(new Error('there is no apt-get on this machine')),
    })
    await expect(findServer(kind, SOURCES_DEFAULT)).rejects.toMatchObject({
      code: 'COMM_SERVICE_UNAVAILABLE',
      message: `no Toy for the tests could be found or started. Tried:
  environment: ${VARIABLE} is not set
  docker: not supported for this server
  local: Toy exited with code 3 before it answered; its log ends with
    bad luck
  installed (debian12): there is no apt-get on this machine
What helps: set ${VARIABLE}, start Docker, or install a toy.`,
    })
  })
})

describe('sourcesFromEnvironment', () => {
  it.each([
    [undefined, SOURCES_DEFAULT],
    [' ', SOURCES_DEFAULT],
    ['debian13', ['debian13']],
    ['environment, local', ['environment', 'local']],
  ])('%p', (value, sources) => {
    expect(sourcesFromEnvironment(value)).toEqual(sources)
  })
})
