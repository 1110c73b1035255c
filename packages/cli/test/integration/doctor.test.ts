import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sharedServer, startRedis } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { BROKERS, environmentFor } from './support/brokers.ts'
import { Comm, comm, type Ended } from './support/comm.ts'

const SECRET = 'top-s3cret'
const WITHOUT_PACKAGE = fileURLToPath(new URL('scripts/without-package.ts', import.meta.url))

interface Report {
  readonly isWell: boolean
  readonly connections: readonly {
    readonly connection: string
    readonly isWell: boolean
    readonly findings: readonly { readonly check: string; readonly status: string; readonly message: string }[]
  }[]
}

function reportOf(ended: Ended): Report {
  expect(ended.stdout + ended.stderr).not.toContain(SECRET)
  return JSON.parse(ended.stdout) as Report
}

const servers: Server[] = []
async function listening(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))))

describe.each(BROKERS)('the doctor and $type', (row) => {
  let env: Readonly<Record<string, string>> = {}
  beforeAll(async () => {
    env = await environmentFor(row)
  }, 120_000)

  it('finds that all is well', async () => {
    const ended = await comm(['doctor', '--json'], { env: { ...env, SERVICE_NAME: 'billing' } })
    expect(reportOf(ended)).toMatchObject({
      isWell: true,
      connections: [
        {
          connection: 'messageBroker',
          findings: [
            { check: 'connection', status: 'ok' },
            { check: 'health', status: 'ok' },
            row.roundTrip ? { check: 'round trip', status: 'ok' } : { check: 'round trip', status: 'skipped' },
          ],
        },
      ],
    })
    expect(ended).toMatchObject({ code: 0, stderr: 'all is well\n' })
  }, 90_000)

  const illnesses: readonly (readonly [string, Readonly<Record<string, string>>, string, string])[] = [
    [
      'a port where nobody listens',
      { PORT: '1' },
      'nobody listens there',
      'messageBroker.port: set by environment MESSAGE_BROKER_PORT',
    ],
    [
      'a host that does not exist',
      { HOST: 'broker.invalid' },
      'no such host',
      'messageBroker.host: set by environment MESSAGE_BROKER_HOST',
    ],
    ...row.illnesses,
  ]
  it.each(illnesses)(
    'tells %s',
    async (_, variables, advice, setting) => {
      const wrong = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`MESSAGE_BROKER_${name}`, value]))
      // A look-up may take its time where the network is busy; a name server that does not answer is another illness.
      const { code, stdout, stderr } = await comm(['doctor', '--timeout', '30s'], { env: { ...env, ...wrong } })
      expect({ code, stderr }).toEqual({ code: 1, stderr: 'something is wrong with 1 of 1\n' })
      expect(stdout).toMatch(/^ {2}WRONG {2}connection /m)
      expect(stdout).toContain(advice)
      expect(stdout).toContain(setting)
      expect(stdout).not.toContain(SECRET)
    },
    90_000,
  )

  it('tells a package that is not installed', async () => {
    const hidden = { ...env, WITHOUT_PACKAGE: row.package }
    const ended = await comm(['doctor'], { env: hidden, nodeOptions: [`--import=${WITHOUT_PACKAGE}`] })
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining(`run: npm install ${row.package}`) })
    expect(ended.stdout).toMatch(/^ {2}WRONG {2}package /m)
  }, 90_000)

  it('does not wait for a server that says nothing', async () => {
    const port = await listening(createServer((socket) => socket.resume().on('error', () => undefined)))
    const silent = { ...env, MESSAGE_BROKER_PORT: String(port), MESSAGE_BROKER_HOST: '127.0.0.1' }
    const ended = await comm(['doctor', '--timeout', '1s'], { env: silent })
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining('no answer in time') })
  }, 90_000)
})

describe('the doctor', () => {
  let folder = ''
  const file = (text: string): string => {
    const path = join(folder, 'comm.yaml')
    writeFileSync(path, text)
    return path
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'comm-cli-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('tells every wrong setting and where it stands', async () => {
    const path = file(`message_broker:\n  type: rabbit\n  password: ${SECRET}\n  prefetch_count: 0\n`)
    const ended = await comm(['doctor', '--config', path], { env: { HTTP_CLIENT_TIMEOUT: 'soon' } })
    expect(ended.code).toBe(1)
    expect(ended.stdout).toContain(`messageBroker.type: set by ${path}:2`)
    expect(ended.stdout).toContain(`messageBroker.prefetchCount: set by ${path}:4`)
    expect(ended.stdout).toContain('environment HTTP_CLIENT_TIMEOUT')
    expect(ended.stdout).not.toContain(SECRET)
  }, 90_000)

  it('says so when nothing is configured', async () => {
    expect(await comm(['doctor'])).toMatchObject({ code: 1, stdout: expect.stringContaining('pass --config or --broker') })
  }, 90_000)

  it('asks every HTTP client, and every named broker', async () => {
    const status: Record<string, number> = { '/well': 200, '/missing': 404, '/closed': 401, '/broken': 500 }
    const server = createHttpServer((request, response) => {
      const { pathname } = new URL(request.url ?? '', 'http://server')
      response.writeHead(status[pathname.replace(/\/$/, '')] ?? 418).end()
    })
    const url = `http://127.0.0.1:${await listening(server)}`
    const path = file(
      [
        'http_client:',
        `  base_url: ${url}/well`,
        'http_clients:',
        `  missing: { base_url: "${url}/missing" }`,
        `  open: { base_url: "${url}/closed" }`,
        `  refused: { base_url: "${url}/closed", headers: { authorization: "Bearer ${SECRET}" } }`,
        `  broken: { base_url: "${url}/broken" }`,
        '  away: { base_url: "http://127.0.0.1:1" }',
        `  inline: { base_url: "http://me:${SECRET}@127.0.0.1:1" }`,
        '  nowhere: {}',
        'message_brokers:',
        `  audit: { type: rabbitmq, port: 1, password: ${SECRET} }`,
      ].join('\n'),
    )
    const ended = await comm(['doctor', '--json', '--config', path])
    const { connections } = reportOf(ended)
    expect(ended).toMatchObject({ code: 1, stderr: 'something is wrong with 5 of 9\n' })
    expect(Object.fromEntries(connections.map(({ connection, findings }) => [connection, findings.at(-1)]))).toMatchObject({
      httpClient: { check: 'answer', status: 'ok', message: 'it answered 200' },
      'httpClients.missing': { check: 'answer', status: 'ok', message: 'it answered 404' },
      'httpClients.open': { check: 'answer', status: 'ok', message: 'it answered 401' },
      'httpClients.refused': {
        check: 'answer',
        status: 'wrong',
        settings: [{ key: 'httpClients.refused.headers', source: `${path}:6` }],
      },
      'httpClients.broken': { check: 'answer', status: 'wrong', message: `HEAD ${url}/broken answered 500` },
      'httpClients.away': { check: 'connection', status: 'wrong', message: expect.stringContaining('ECONNREFUSED') },
      'httpClients.inline': { check: 'configuration', status: 'wrong', message: expect.stringContaining('without credentials') },
      'httpClients.nowhere': { check: 'connection', status: 'skipped' },
      'messageBrokers.audit': { check: 'connection', status: 'wrong', advice: expect.stringContaining('nobody listens') },
    })
  }, 90_000)

  it('tries every host of a broker', async () => {
    const redis = await sharedServer('redis')
    const ended = await comm(['doctor', '--json'], {
      env: { MESSAGE_BROKER_TYPE: 'redis-streams', MESSAGE_BROKER_HOSTS: `${redis.host}:${redis.port},127.0.0.1:1` },
    })
    expect(ended.code).toBe(1)
    expect(reportOf(ended).connections).toMatchObject([
      { connection: 'messageBroker', target: `redis-streams at ${redis.host}:${redis.port}`, isWell: true },
      { connection: 'messageBroker', target: 'redis-streams at 127.0.0.1:1', isWell: false },
    ])
  }, 120_000)

  it('tells an authority that is not trusted, and is content when it is', async () => {
    await using redis = await startRedis({ tls: true })
    const { hostname, port } = new URL(redis.urls['tls']!)
    const env = {
      MESSAGE_BROKER_TYPE: 'redis-streams',
      MESSAGE_BROKER_HOST: hostname,
      MESSAGE_BROKER_PORT: port,
      MESSAGE_BROKER_SSL: 'true',
    }
    const wrong = await comm(['doctor'], { env })
    expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('name its PEM file in ssl.ca_file') })
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, redis.tls!.ca)
    expect(await comm(['doctor'], { env: { ...env, MESSAGE_BROKER_SSL_CA_FILE: ca } })).toMatchObject({ code: 0 })
  }, 120_000)

  it('ends at Ctrl-C', async () => {
    const asked = Promise.withResolvers<void>()
    const port = await listening(
      createServer((socket) =>
        socket
          .resume()
          .on('error', () => undefined)
          .on('data', asked.resolve),
      ),
    )
    await using doctor = new Comm(['doctor', '--timeout', '1h', '--broker', `amqp://127.0.0.1:${port}`])
    await asked.promise
    doctor.child.kill('SIGINT')
    expect(await doctor.ended).toEqual({ code: 130, stdout: '', stderr: '' })
  }, 90_000)

  it('tries the broker that --broker names alone', async () => {
    const path = file(`message_brokers:\n  audit: { type: rabbitmq, port: 1 }\n  other: { type: rabbitmq, port: 2 }\n`)
    const named = reportOf(await comm(['doctor', '--json', '--config', path, '--broker', 'audit']))
    expect(named.connections.map(({ connection }) => connection)).toEqual(['messageBrokers.audit'])
    const url = await comm(['doctor', '--json', '--broker', `amqp://me:${SECRET}@127.0.0.1:1`])
    expect(reportOf(url).connections).toMatchObject([{ connection: '--broker', target: 'rabbitmq at 127.0.0.1:1' }])
    const unknown = await comm(['doctor', '--config', path, '--broker', 'nobody'])
    expect(unknown).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('; there is audit, other') })
  }, 90_000)
})
