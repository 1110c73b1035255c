import { execFile } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { CommunicationConfig, type CommunicationSettings, type Partially } from '@comm/config'
import { silentLogger } from '@comm/core'
import { operationsHandler } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import { describe, expect, it } from '@jest/globals'

const QUIET = { logger: silentLogger }
const from = (settings: Partially<CommunicationSettings>): CommunicationConfig => CommunicationConfig.from(settings)

/** Answers with its name, once `go` is resolved. */
async function serverOf(name: string, go: Promise<void> = Promise.resolve()) {
  const opened = Promise.withResolvers<void>()
  const server = await listening(async (_request, response) => {
    opened.resolve()
    await go
    response.end(name)
  })
  return { ...server, asked: opened.promise }
}

async function listening(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const textOf = async (answer: Promise<{ text(): string }>): Promise<string> => (await answer).text()

describe('reload', () => {
  it('builds HTTP clients anew whose settings have changed; calls under way end with the old one', async () => {
    const go = Promise.withResolvers<void>()
    await using before = await serverOf('before', go.promise)
    await using after = await serverOf('after')
    await using manager = new CommunicationManager(from({ httpClient: { baseUrl: before.url } }), QUIET)
    await manager.initialize()
    const underWay = textOf(manager.http.get('/'))
    await before.asked
    const config = from({ httpClient: { baseUrl: after.url, retry: { maxRetries: 1 } } })
    expect(await manager.reload(config)).toEqual({
      applied: ['httpClient.baseUrl', 'httpClient.retry.maxRetries'],
      needsRestart: [],
    })
    expect(await textOf(manager.http.get('/'))).toBe('after')
    expect(manager.config).toBe(config)
    go.resolve()
    expect(await underWay).toBe('before')
    expect((await manager.healthCheck()).components).toEqual({ http: { status: 'up' } })
    expect((await manager.shutdown()).problems).toEqual([])
  })

  it('leaves alone what has not changed', async () => {
    const settings = {
      httpClient: { baseUrl: 'http://127.0.0.1:9' },
      httpClients: { billing: { baseUrl: 'http://127.0.0.1:9' } },
    }
    await using manager = new CommunicationManager(from(settings), QUIET)
    await manager.initialize()
    const { http } = manager
    const billing = manager.httpClient('billing')
    await manager.reload(from({ ...settings, httpClients: { billing: { baseUrl: 'http://127.0.0.1:10' } } }))
    expect(manager.http).toBe(http)
    expect(manager.httpClient('billing')).not.toBe(billing)
  })

  it('names what needs a restart, and goes on naming it', async () => {
    await using manager = new CommunicationManager(from({ messageBroker: { type: 'memory' } }), QUIET)
    await manager.initialize()
    const { messaging } = manager
    const settings: Partially<CommunicationSettings> = {
      serviceName: 'orders',
      messageBroker: { type: 'memory', prefetchCount: 7 },
      shutdown: { budgetMs: 5000 },
    }
    const needsRestart = ['messageBroker.prefetchCount', 'serviceName', 'shutdown.budgetMs']
    expect(await manager.reload(from(settings))).toEqual({ applied: [], needsRestart })
    expect(manager.messaging).toBe(messaging)
    expect(await manager.reload(from({ ...settings, enableHealthChecks: false }))).toEqual({
      applied: ['enableHealthChecks'],
      needsRestart,
    })
    expect(await manager.reload(from({ messageBroker: { type: 'memory' } }))).toEqual({
      applied: ['enableHealthChecks'],
      needsRestart: [],
    })
  })

  it('is about nothing but the configuration before the first use: all of it holds then', async () => {
    await using manager = new CommunicationManager(from({}), QUIET)
    const changed = await manager.reload(from({ serviceName: 'orders', messageBroker: { prefetchCount: 7 } }))
    expect(changed).toEqual({ applied: ['messageBroker.prefetchCount', 'serviceName'], needsRestart: [] })
    await manager.initialize()
    expect(manager.isReady).toBe(true)
  })

  it('lets a client that is loaded meanwhile have the new settings', async () => {
    await using before = await serverOf('before')
    await using after = await serverOf('after')
    await using manager = new CommunicationManager(from({ httpClient: { baseUrl: before.url } }), QUIET)
    const { http } = manager
    await Promise.all([manager.healthCheck(), http.get('/'), manager.reload(from({ httpClient: { baseUrl: after.url } }))])
    expect(await textOf(manager.http.get('/'))).toBe('after')
    // What is held since before the first use goes to the client of the moment.
    expect(await textOf(http.get('/'))).toBe('after')
  })

  it('is refused whole when one client cannot be built', async () => {
    await using before = await serverOf('before')
    const settings = { httpClient: { baseUrl: before.url }, httpClients: { billing: { baseUrl: before.url } } }
    await using manager = new CommunicationManager(from(settings), QUIET)
    await manager.initialize()
    const { config } = manager
    const broken = from({
      httpClient: { baseUrl: 'http://127.0.0.1:9' },
      httpClients: { billing: { baseUrl: 'https://127.0.0.1:9', ssl: { caFile: '/nowhere/ca.pem' } } },
    })
    await expect(manager.reload(broken)).rejects.toMatchObject({ code: 'COMM_CONFIGURATION' })
    expect(manager.config).toBe(config)
    expect(await textOf(manager.http.get('/'))).toBe('before')
    expect(() => manager.reload({} as CommunicationConfig)).toThrow('config must be a CommunicationConfig')
  })

  it('changes the levels of the configured logger', async () => {
    const program = `
      import { CommunicationConfig } from '@comm/config'
      import { operationsHandler } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
      const manager = new CommunicationManager(CommunicationConfig.from({ logging: { level: 'error' } }))
      await manager.initialize()
      const report = await manager.reload(CommunicationConfig.from({ debugMode: true, logging: { level: 'error' } }))
      await manager.messaging.subscribe('a', () => undefined)
      await manager.reload(CommunicationConfig.from({ debugMode: true, logging: { levels: { comm: 'error' } } }))
      await manager.shutdown()`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@comm/source', '--input-type=module', '--eval', program],
      { cwd: import.meta.dirname },
    )
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines[0]).toMatchObject({ message: 'the configuration was reloaded', applied: ['debugMode'], needsRestart: [] })
    expect(lines.filter(({ message }) => message === 'the configuration was reloaded')).toHaveLength(2)
  })

  it('is refused once the shutdown has begun', async () => {
    const manager = new CommunicationManager(from({}), QUIET)
    await manager.shutdown()
    await expect(manager.reload(from({ serviceName: 'a' }))).rejects.toMatchObject({ code: 'COMM_CLOSED' })
  })
})

describe('enableHealthChecks: false', () => {
  it('asks no component', async () => {
    let asked = 0
    const server = { health: () => ({ status: asked++ === 0 ? 'down' : 'up' }) as const }
    await using manager = new CommunicationManager(from({ enableHealthChecks: false }), { ...QUIET, components: { server } })
    await manager.initialize()
    expect(await manager.healthCheck()).toEqual({ isHealthy: true, components: {} })
    expect(asked).toBe(0)
    expect(manager.isReady).toBe(true)
    await manager.reload(from({}))
    expect(await manager.healthCheck()).toEqual({ isHealthy: false, components: { server: { status: 'down' } } })
  })
  it('may be said by the options in place of the configuration', async () => {
    const server = { health: () => ({ status: 'down' }) as const }
    const options = { ...QUIET, components: { server }, enableHealthChecks: false }
    await using manager = new CommunicationManager(from({ enableHealthChecks: true }), options)
    await manager.initialize()
    expect((await manager.healthCheck()).isHealthy).toBe(true)
  })
})

describe('detailedMetrics', () => {
  it.each([true, false])('%s by the options: metrics of HTTP calls name their paths, or do not', async (detailedMetrics) => {
    await using server = await serverOf('users')
    const config = from({ httpClient: { baseUrl: server.url } })
    await using manager = new CommunicationManager(config, { ...QUIET, enableMetrics: true, detailedMetrics })
    await manager.http.get('/users/7')
    await using operations = await listening(operationsHandler({ metrics: manager }))
    const metrics = await (await fetch(`${operations.url}/metrics`)).text()
    expect(metrics).toMatch(/^http_client_request_duration_seconds_count\{/m)
    expect(metrics.includes('url_template="/users/{id}"')).toBe(detailedMetrics)
  })
})
