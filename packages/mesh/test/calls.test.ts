import { CircuitBreakerOpenError, ConfigurationError, constantBackoff, ServiceUnavailableError, TimeoutError } from '@comm/core'
import { MemoryRegistry } from '@comm/discovery/memory'
import { createMesh } from '@comm/mesh'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { recordingLogger, Stage } from './support/stage.ts'

const FAST = { backoff: constantBackoff({ baseMs: 1 }) }

describe('a call by name', () => {
  it('reaches an instance that has registered, and another when that one fails', async () => {
    await using stage = new Stage()
    let failed = 0
    await stage.service('payments', (_request, response) => {
      failed++
      response.writeHead(503).end()
    })
    await stage.service('payments', (_request, response) => void response.end('paid'))
    const orders = stage.mesh({ service: 'orders', policies: { '*': { retry: { maxRetries: 3, ...FAST } } } })
    for (let call = 0; call < 20; call++) expect((await orders.call('payments').get('/')).text()).toBe('paid')
    expect(failed).toBeGreaterThan(0)
    expect(orders.call('payments')).toBe(orders.call('payments'))
  })

  it('finds nobody once the service has left', async () => {
    await using stage = new Stage()
    const payments = await stage.service('payments', (_request, response) => void response.end('paid'))
    const orders = stage.mesh({ service: 'orders', policies: { '*': { retry: false } } })
    await orders.call('payments').get('/')
    await payments.stopIntake()
    const gone = async (): Promise<boolean> =>
      orders
        .call('payments')
        .get('/')
        .then(
          () => false,
          (error: unknown) => error instanceof ServiceUnavailableError && error.message.includes('none is registered'),
        )
    await waitFor(gone)
    expect((await orders.health()).status).toBe('degraded')
  })

  it('ends with the mesh: what is under way is answered, what is new is refused', async () => {
    await using stage = new Stage()
    const asked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    await stage.service('payments', async (_request, response) => {
      asked.resolve()
      await release.promise
      response.end('paid')
    })
    const orders = stage.mesh({ service: 'orders' })
    const client = orders.call('payments')
    const running = client.get('/')
    await asked.promise
    const closing = orders.close()
    expect(() => orders.call('payments')).toThrow(/used after it had been closed/)
    release.resolve()
    expect((await running).text()).toBe('paid')
    await closing
    await expect(client.get('/')).rejects.toMatchObject({ code: 'COMM_CLOSED' })
    expect(await orders.health()).toMatchObject({ status: 'down' })
  })
})

describe('policies', () => {
  it('are of each service, with those of * for the others', async () => {
    await using stage = new Stage()
    const attempts = { payments: 0, stock: 0 }
    await stage.service('payments', (_request, response) => {
      attempts.payments++
      response.writeHead(503).end()
    })
    await stage.service('stock', (_request, response) => {
      attempts.stock++
      response.writeHead(503).end()
    })
    const orders = stage.mesh({
      service: 'orders',
      policies: { '*': { retry: { maxRetries: 1, ...FAST } }, payments: { retry: { maxRetries: 2, ...FAST } } },
    })
    await expect(orders.call('payments').get('/')).rejects.toThrow(ServiceUnavailableError)
    await expect(orders.call('stock').get('/')).rejects.toThrow(ServiceUnavailableError)
    expect(attempts).toEqual({ payments: 3, stock: 2 })
  })

  it('never send twice what must not be', async () => {
    await using stage = new Stage()
    let received = 0
    await stage.service('payments', (_request, response) => {
      received++
      response.writeHead(503).end()
    })
    const orders = stage.mesh({ service: 'orders', policies: { '*': { retry: { maxRetries: 3, ...FAST } } } })
    await expect(orders.call('payments').post('/', { json: {} })).rejects.toThrow(ServiceUnavailableError)
    expect(received).toBe(1)
  })

  it('change while the mesh runs, and what has not changed keeps what it has learned', async () => {
    await using stage = new Stage()
    let isBroken = true
    await stage.service('payments', async (_request, response) => {
      if (isBroken) response.writeHead(500)
      response.end()
    })
    await stage.service('slow', () => undefined)
    const logger = recordingLogger()
    const orders = stage.mesh({
      service: 'orders',
      logger,
      policies: {
        payments: { retry: false, breaker: { failureRatio: 0.5, minimumCalls: 2 } },
        slow: { timeout: { ms: 60_000 } },
      },
    })
    const client = orders.call('payments')
    for (let call = 0; call < 2; call++) await expect(client.get('/')).rejects.toMatchObject({ code: 'COMM_HTTP_STATUS' })
    await expect(client.get('/')).rejects.toThrow(CircuitBreakerOpenError)
    expect(logger.lines).toContainEqual({
      level: 'warn',
      message: 'the circuit breaker of payments is open',
      fields: { service: 'payments', from: 'closed', to: 'open' },
    })
    isBroken = false
    // The breaker is the same, so that it stays open.
    const same = { failureRatio: 0.5, minimumCalls: 2 }
    orders.reload({
      policies: { payments: { retry: false, breaker: same, timeout: { ms: 500 } }, slow: { retry: false, timeout: { ms: 50 } } },
    })
    await expect(client.get('/')).rejects.toThrow(CircuitBreakerOpenError)
    // The limit of an attempt is new, for a client that is there already.
    await expect(orders.call('slow').get('/')).rejects.toThrow(TimeoutError)
    orders.reload({ policies: { payments: { retry: false, breaker: false } } })
    expect((await client.get('/')).status).toBe(200)
    expect(client.describe()).not.toContain('breaker')
  })

  it('that are wrong change nothing', async () => {
    await using stage = new Stage()
    await stage.service('payments', (_request, response) => void response.end('paid'))
    const orders = stage.mesh({ service: 'orders', policies: { payments: { timeout: { ms: 5000 } } } })
    const before = orders.call('payments').describe()
    expect(before).toMatch(
      /retry[\s\S]*\npick[\s\S]*\nkeyed payments .*: breaker[\s\S]*\nkeyed payments .*: bulkhead[\s\S]*\ntimeout \(5000 ms\)/,
    )
    const wrong = { payments: { timeout: { ms: -1 }, breaker: { failureRatio: 7 } } }
    expect(() => orders.reload({ policies: wrong })).toThrow(/breaker\.failureRatio must be[\s\S]*timeout\.ms must be/)
    expect(() => orders.reload({ policies: { '*': { retries: 3 } as never } })).toThrow(
      /policies\.\*\.retries is an unknown option/,
    )
    expect(() => orders.reload({ traffic: { payments: { split: { '1': 0 } } } })).toThrow(
      /mesh\.traffic\.payments\.split must be/,
    )
    expect(orders.call('payments').describe()).toBe(before)
    expect((await orders.call('payments').get('/')).text()).toBe('paid')
  })
})

describe('wrong options', () => {
  const discovery = new MemoryRegistry()
  it.each([
    [{ service: 'orders' }, 'mesh.discovery must be'],
    [{ service: { name: 'orders', host: 'x', port: 0 }, discovery }, 'mesh.service.port must be'],
    [{ service: 'orders', discovery, retries: 3 }, 'mesh.retries is an unknown option'],
    [{ service: 'orders', discovery, policies: { payments: { timeout: {} } } }, 'policies.payments.timeout.ms must be'],
    [{ service: 'orders', discovery, traffic: { payments: { sticky: true } } }, 'mesh.traffic.payments.sticky must be'],
    [{ service: 'orders', discovery, access: { allow: [] } }, 'mesh.access must be left out without tls'],
    [
      { service: 'orders', discovery, tls: {}, access: { allow: [{ spiffeId: 'nobody' }] } },
      'mesh.access.allow[0].spiffeId must be',
    ],
    [{ service: 'orders', discovery, tls: {}, access: { deny: [{ dns: 'a', uri: 'b' }] } }, 'mesh.access.deny[0] must be'],
    [{ service: 'orders', discovery, tls: { caFile: '/nowhere' } }, 'mesh.tls.caFile cannot be read'],
    [{ service: 'orders', discovery, http: { maxRedirects: -1 } }, 'HttpClient.maxRedirects must be'],
  ])('%j: %s', (options, message) => {
    const make = (): unknown => createMesh(options as never)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
  })
})
