import { describe, expect, it } from '@jest/globals'
import { Stage } from './support/stage.ts'

async function versions(stage: Stage, ...all: readonly string[]): Promise<void> {
  for (const version of all) await stage.service('stock', (_request, response) => void response.end(version), { version })
}

describe('a split by version', () => {
  it('gives each version its share, however many instances it has, and changes while calls go on', async () => {
    await using stage = new Stage()
    await versions(stage, '1.4.1', '1.4.2', '1.5.0', '2.0.0', '3.0.0')
    const orders = stage.mesh({ service: 'orders', traffic: { stock: { split: { '1': 80, '2': 20 } } } })
    const count = async (calls: number): Promise<Record<string, number>> => {
      const seen: Record<string, number> = { '1': 0, '2': 0, '3': 0 }
      for (let call = 0; call < calls; call++) {
        const major = (await orders.call('stock').get('/')).text().slice(0, 1)
        seen[major] = (seen[major] ?? 0) + 1
      }
      return seen
    }
    const first = await count(400)
    // 80 expected, standard deviation 8: five of them.
    expect(first['2']).toBeGreaterThan(40)
    expect(first['2']).toBeLessThan(120)
    expect(first['3']).toBe(0)
    orders.reload({ traffic: { stock: { split: { '1': 0, '2': 0, '3': 1 } } } })
    expect(await count(20)).toEqual({ '1': 0, '2': 0, '3': 20 })
    orders.reload({ traffic: {} })
    const whole = await count(200)
    expect(Object.values(whole).every((calls) => calls > 0)).toBe(true)
  })

  it('gives the share of a version that has no instances to the others', async () => {
    await using stage = new Stage()
    await versions(stage, '1.0.0')
    const orders = stage.mesh({ service: 'orders', traffic: { stock: { split: { '1': 1, '2': 99 } } } })
    for (let call = 0; call < 10; call++) expect((await orders.call('stock').get('/')).text()).toBe('1.0.0')
  })
})

describe('sticky sessions', () => {
  it('stay at one instance, are spread over all, and few move when one comes', async () => {
    await using stage = new Stage()
    const serve = (name: string): Promise<unknown> => stage.service('carts', (_request, response) => void response.end(name))
    for (const name of ['a', 'b', 'c']) await serve(name)
    const orders = stage.mesh({ service: 'orders', traffic: { carts: { sticky: { header: 'X-Session' } } } })
    const at = async (session: number): Promise<string> =>
      (await orders.call('carts').get('/', { headers: { 'x-session': `session ${session}` } })).text()
    const sessions = Array.from({ length: 60 }, (_, session) => session)
    const before = await Promise.all(sessions.map(at))
    expect(await Promise.all(sessions.map(at))).toEqual(before)
    expect(new Set(before).size).toBe(3)
    await serve('d')
    let after = before
    while (!after.includes('d')) after = await Promise.all(sessions.map(at))
    // Those that moved went to the new one.
    expect(after.every((now, session) => now === before[session] || now === 'd')).toBe(true)
    // Without a session a call goes anywhere; the session may also be what a function says.
    orders.reload({ traffic: { carts: { sticky: { key: ({ url }) => url.pathname } } } })
    const paths = await Promise.all(Array.from({ length: 20 }, async () => (await orders.call('carts').get('/same')).text()))
    expect(new Set(paths).size).toBe(1)
  })

  it('go with a split: a share of the sessions to each version', async () => {
    await using stage = new Stage()
    await versions(stage, '1.0.0', '1.0.1', '2.0.0')
    const traffic = { stock: { split: { '1': 75, '2': 25 }, sticky: { header: 'x-session' } } }
    const orders = stage.mesh({ service: 'orders', traffic })
    const at = async (session: number): Promise<string> =>
      (await orders.call('stock').get('/', { headers: { 'x-session': `session ${session}` } })).text()
    const sessions = Array.from({ length: 200 }, (_, session) => session)
    const seen: string[] = []
    for (const session of sessions) seen.push(await at(session))
    const second = seen.filter((version) => version === '2.0.0').length
    expect(second).toBeGreaterThan(15)
    expect(second).toBeLessThan(95)
    for (const session of sessions.slice(0, 20)) expect(await at(session)).toBe(seen[session])
  })
})

describe('the topology', () => {
  it('says who calls whom, how often, how fast and with how many errors', async () => {
    await using stage = new Stage()
    let broken = false
    const payments = await stage.service('payments', (request, response) => {
      if (request.url === '/missing') response.writeHead(404)
      else if (broken) response.writeHead(500)
      response.end()
    })
    const orders = stage.mesh({
      service: 'orders',
      policies: { '*': { retry: false, breaker: { failureRatio: 0.1, minimumCalls: 10 } } },
    })
    const client = orders.call('payments')
    for (let call = 0; call < 9; call++) await client.get('/')
    await expect(client.get('/missing')).rejects.toThrow()
    broken = true
    await expect(client.get('/')).rejects.toThrow()
    await expect(client.get('/')).rejects.toThrow(/open/)
    const { service, edges } = orders.topology()
    expect(service).toBe('orders')
    expect(edges).toEqual([
      expect.objectContaining({
        from: 'orders',
        to: 'payments',
        direction: 'outbound',
        protocol: 'http',
        calls: 12,
        errors: 2,
        refused: 1,
        errorRatio: 2 / 12,
      }),
    ])
    const [edge] = edges
    expect(edge?.ratePerSecond).toBeGreaterThan(0)
    expect(edge?.latencyMs.p99).toBeGreaterThan(0)
    expect(edge?.latencyMs.max).toBeGreaterThanOrEqual(edge?.latencyMs.p50 ?? Number.POSITIVE_INFINITY)
    expect(payments.topology().edges).toEqual([
      expect.objectContaining({ from: '(unknown)', to: 'payments', direction: 'inbound', calls: 11, errors: 1, refused: 0 }),
    ])
    JSON.stringify(edges)
  })
})
