import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommunicationConfig } from '@comm/config'
import { CommunicationError, type Health, type StopReport, silentLogger } from '@comm/core'
import { CommunicationManager, type ManagedClient } from '@comm/manager'
import { describe, expect, it } from '@jest/globals'

/** A client that notes what the manager does with it. */
class NotingClient implements ManagedClient {
  readonly notes: string[]
  readonly name: string
  status: Health['status'] = 'up'
  failing = false

  constructor(name: string, notes: string[] = []) {
    this.name = name
    this.notes = notes
  }
  start(): void {
    if (this.failing) throw new CommunicationError(`${this.name} is down`, { code: 'COMM_CONNECTION' })
    this.notes.push(`start ${this.name}`)
  }
  stopIntake(): void {
    this.notes.push(`stopIntake ${this.name}`)
  }
  async close(): Promise<void> {
    this.notes.push(`close ${this.name}`)
  }
  health(): Health {
    return { status: this.status }
  }
  async get(path: string): Promise<string> {
    return `${this.name} ${path}`
  }
  async subscribe(topic: string): Promise<void> {
    if (this.failing) throw new CommunicationError(`${topic} is forbidden`, { code: 'COMM_AUTHORIZATION' })
    this.notes.push(`subscribe ${topic}`)
  }
}

const config = CommunicationConfig.from({})

describe('clients', () => {
  it('work before initialize() and without it', async () => {
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http') },
    })
    expect(await manager.http.get('/users/1')).toBe('http /users/1')
  })

  it('are the client itself once it is loaded', async () => {
    const client = new NotingClient('http')
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: client },
    })
    await manager.initialize()
    expect(manager.http).toBe(client)
  })

  it('of @comm/http are built from the configuration at their first use', async () => {
    await using manager = new CommunicationManager(CommunicationConfig.from({ httpClient: { baseUrl: 'http://127.0.0.1:9' } }))
    const call = manager.http.get('/users/1')
    await expect(call).rejects.toMatchObject({ code: expect.stringMatching(/^COMM_(SERVICE_UNAVAILABLE|CONNECTION)$/) })
  })

  it.each([
    [{ ttlMs: 60_000 }, 1],
    [{}, 2],
    [{ enabled: false, ttlMs: 60_000 }, 2],
    [{ ttlMs: 60_000, maxBytes: 10 }, 2],
  ])('of @comm/http have the cache %j: two calls are %d requests', async (cache, requests) => {
    let seen = 0
    const server = createServer((_request, response) => {
      seen += 1
      response.end('x')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    {
      const settings = CommunicationConfig.from({ httpClient: { baseUrl, cache } })
      await using manager = new CommunicationManager(settings, { logger: silentLogger })
      await manager.http.get('/')
      await manager.http.get('/')
    }
    await new Promise((resolve) => server.close(resolve))
    expect(seen).toBe(requests)
  })

  it.each([
    [{ bearer: 'abc' }, 'Bearer abc'],
    [{ basic: { username: 'me', password: 'x' } }, `Basic ${Buffer.from('me:x').toString('base64')}`],
    [{ apiKey: { header: 'Authorization', value: 'Key abc' } }, 'Key abc'],
    [{ oauth2: { clientId: 'me', clientSecret: 'x', scope: 'a b', clientAuthentication: 'post' } }, 'Bearer for me, x and a b'],
    [{}, 'none'],
  ] as const)('of @comm/http show who calls as %j says', async (auth, expected) => {
    const server = createServer(async (request, response) => {
      if (request.url !== '/token') return response.end(request.headers.authorization ?? 'none')
      const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
      const value = `for ${form.get('client_id')}, ${form.get('client_secret')} and ${form.get('scope')}`
      return response.end(JSON.stringify({ access_token: value.replaceAll(' ', '_'), token_type: 'Bearer' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const whole = 'oauth2' in auth ? { oauth2: { ...auth.oauth2, tokenUrl: `${baseUrl}/token` } } : auth
    {
      const settings = CommunicationConfig.from({ httpClient: { baseUrl, auth: whole } })
      await using manager = new CommunicationManager(settings, { logger: silentLogger })
      const answer = (await manager.http.get('/')) as { text(): string }
      expect(answer.text().replaceAll('_', ' ')).toBe(expected)
    }
    await new Promise((resolve) => server.close(resolve))
  })

  it('of @comm/http are refused with ways to show who calls that do not go together', async () => {
    const auth = { bearer: 'hunter2', basic: { username: 'me' } }
    const settings = CommunicationConfig.from({ httpClient: { baseUrl: 'http://127.0.0.1:9', auth } })
    await using manager = new CommunicationManager(settings, { logger: silentLogger })
    await expect(manager.http.get('/')).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: 'HttpClient.auth must be given exactly one of bearer, basic, apiKey, oauth2 or tokens, got bearer and basic',
    })
  })

  it('have no methods but their own', async () => {
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http') },
    })
    const http = manager.http as unknown as { fetchAll(): Promise<void> }
    await expect(http.fetchAll()).rejects.toThrow('http.fetchAll is not a method')
  })

  it('of further names come from httpClients and messageBrokers', async () => {
    const billing = new NotingClient('billing')
    await using manager = new CommunicationManager(CommunicationConfig.from({ httpClients: { billing: {} } }), {
      components: { 'http:billing': billing },
    })
    expect(await manager.httpClient('billing').get('/')).toBe('billing /')
    expect(() => manager.httpClient('bills')).toThrow("httpClients has no 'bills'; there is one of billing")
  })
})

describe('initialize', () => {
  it('starts clients before what is built on them, and stops in the opposite order', async () => {
    const notes: string[] = []
    const components = { server: new NotingClient('server', notes), messaging: new NotingClient('messaging', notes) }
    const manager = new CommunicationManager(config, {
      logger: silentLogger,
      components,
    })
    await Promise.all([manager.initialize(), manager.initialize()])
    expect(manager.isReady).toBe(true)
    await Promise.all([manager.shutdown(), manager.shutdown()])
    expect(manager.isReady).toBe(false)
    expect(notes).toEqual([
      'start messaging',
      'start server',
      'stopIntake server',
      'stopIntake messaging',
      'close server',
      'close messaging',
    ])
  })

  it('has the subscriptions in place that were declared before', async () => {
    const messaging = new NotingClient('messaging')
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { messaging },
    })
    void manager.messaging.subscribe('user.created', () => undefined)
    await manager.initialize()
    expect(messaging.notes).toContain('subscribe user.created')
  })

  it('fails when a declared subscription cannot start', async () => {
    const messaging = new NotingClient('messaging')
    messaging.failing = true
    messaging.start = () => undefined
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { messaging },
    })
    void manager.messaging.subscribe('user.created', () => undefined).catch(() => undefined)
    await expect(manager.initialize()).rejects.toMatchObject({ code: 'COMM_AUTHORIZATION' })
  })

  it('stops what has started when something cannot start', async () => {
    const notes: string[] = []
    const broken = new NotingClient('server', notes)
    broken.failing = true
    const manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http', notes), server: broken },
    })
    await expect(manager.initialize()).rejects.toMatchObject({ code: 'COMM_CONNECTION', message: 'server is down' })
    expect(notes).toContain('close http')
    expect(manager.isReady).toBe(false)
  })
})

describe('health', () => {
  it('is that of all clients, and tells when it changes', async () => {
    const messaging = new NotingClient('messaging')
    const changes: boolean[] = []
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { messaging, http: new NotingClient('http') },
      onHealthChange: ({ isHealthy }) => void changes.push(isHealthy),
    })
    await manager.initialize()
    expect(await manager.healthCheck()).toEqual({
      isHealthy: true,
      components: { messaging: { status: 'up' }, http: { status: 'up' } },
    })
    messaging.status = 'down'
    expect((await manager.healthCheck()).isHealthy).toBe(false)
    messaging.status = 'up'
    await manager.healthCheck()
    expect(changes).toEqual([false, true])
  })
})

describe('callbacks', () => {
  it('run after the start and after the stop', async () => {
    const seen: string[] = []
    const reports: StopReport[] = []
    const manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http', seen) },
      onStartup: () => void seen.push('onStartup'),
      onShutdown: (report) => void reports.push(report),
    })
    await manager.initialize()
    await manager.shutdown()
    expect(seen.slice(0, 2)).toEqual(['start http', 'onStartup'])
    expect(reports).toEqual([{ durationMs: expect.any(Number), problems: [] }])
  })

  it('that throw at start-up stop the manager again; at shutdown they change nothing', async () => {
    const manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http') },
      onStartup: () => {
        throw new Error('no licence')
      },
      onShutdown: () => {
        throw new Error('too late')
      },
    })
    await expect(manager.initialize()).rejects.toThrow('no licence')
    expect((await manager.shutdown()).problems).toEqual([])
  })
})

it('a client used after shutdown() is refused', async () => {
  const manager = new CommunicationManager(config, {
    logger: silentLogger,
    components: { http: new NotingClient('http') },
  })
  await manager.shutdown()
  await expect(manager.http.get('/')).rejects.toMatchObject({ code: 'COMM_CLOSED' })
})

describe('races', () => {
  it('a shutdown while it is being initialised ends both, and leaves no client open', async () => {
    const notes: string[] = []
    const manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http', notes) },
    })
    const initializing = manager.initialize()
    const report = await manager.shutdown()
    await expect(initializing).rejects.toMatchObject({ code: 'COMM_CLOSED' })
    expect(report.problems).toEqual([])
    expect(notes).toContain('close http')
  })

  it('a first use while it is being initialised loads the client once', async () => {
    const notes: string[] = []
    await using manager = new CommunicationManager(config, {
      logger: silentLogger,
      components: { http: new NotingClient('http', notes) },
    })
    const [, answer] = await Promise.all([manager.initialize(), manager.http.get('/1'), manager.http.get('/2')])
    expect(answer).toBe('http /1')
    expect(notes).toEqual(['start http'])
  })

  it('a client whose close throws is named in the report, and the others are closed', async () => {
    const notes: string[] = []
    const broken = new NotingClient('messaging', notes)
    broken.close = async () => {
      throw new Error('stuck')
    }
    const components = { messaging: broken, http: new NotingClient('http', notes) }
    const manager = new CommunicationManager(config, { logger: silentLogger, components })
    await manager.initialize()
    const { problems } = await manager.shutdown()
    expect(problems).toMatchObject([{ component: 'messaging', phase: 'close', error: { message: 'stuck' } }])
    expect(notes).toContain('close http')
  })

  it('a client that could not be built is built at the next use', async () => {
    const settings = { httpClient: { baseUrl: 'https://127.0.0.1:9', ssl: { caFile: '/nowhere/ca.pem' } } }
    await using manager = new CommunicationManager(CommunicationConfig.from(settings), { logger: silentLogger })
    for (let use = 0; use < 2; use++)
      await expect(manager.http.get('/')).rejects.toMatchObject({
        code: 'COMM_CONFIGURATION',
        message: "HttpClient.tls.caFile cannot be read: ENOENT: no such file or directory, open '/nowhere/ca.pem'",
      })
  })
})
