// A service put together by the manager, from its start to its stop: what is printed is asserted.
//
//   pnpm example communication-manager                     the broker embedded in this process
//   pnpm example communication-manager --broker rabbitmq   or kafka, or redis: a real one, found or started (docs/test-servers.md)

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommunicationConfig } from '@comm/config'
import { type Component, ConfigurationError, currentContext, type HealthStatus, type StopReport } from '@comm/core'
import type {} from '@comm/http'
import { contextHandler, httpServerComponent } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import type {} from '@comm/messaging'
import { brokerOfArguments, until } from './support/broker.ts'

await using broker = await brokerOfArguments(process.argv.slice(3))
console.log(`on ${broker.title}`)

/** Other services: they answer with the correlation id that they were called with. */
const profiles = createServer(
  contextHandler((_request, response) => void response.end(`profile ${currentContext()?.correlationId}`)),
)
const invoices = createServer(contextHandler((_request, response) => void response.end('invoice')))
const urls = await Promise.all(
  [profiles, invoices].map(async (server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }),
)

const env = {
  SERVICE_NAME: 'users',
  HTTP_CLIENT_BASE_URL: urls[0],
  HTTP_CLIENTS__BILLING__BASE_URL: urls[1],
  LOG_LEVEL: 'error',
  ...broker.env,
}
const accessed = broker.topic('user.profile.accessed')

async function configuration(): Promise<string> {
  const wrong = { HTTP_CLIENT_TIMOUT: '3', MESSAGE_BROKER_TYPE: 'rabitmq', LOG_LEVEL: 'loud' }
  assert.throws(
    () => CommunicationManager.fromEnv(wrong),
    (error) => error instanceof ConfigurationError && error.problems.length === 3,
  )
  const config = CommunicationConfig.fromEnv({ ...env, HTTP_CLIENT_AUTH_BEARER: 'a-secret-token' })
  assert.equal(config.source('serviceName').toString(), 'environment SERVICE_NAME')
  assert.ok(!config.dump().includes('a-secret-token'))
  return 'three mistakes in one error; where each value comes from is known; secrets are not shown'
}

async function firstUse(): Promise<string> {
  await using manager = CommunicationManager.fromEnv(env)
  assert.equal(manager.isReady, false)
  const profile = await manager.http.get('/profiles/7')
  assert.equal(profile.status, 200)
  assert.equal((await manager.httpClient('billing').get('/invoices/7')).text(), 'invoice')
  assert.throws(() => manager.httpClient('unknown'), ConfigurationError)
  return 'without initialize() each client, named ones too, is made at its first use'
}

let manager: CommunicationManager
let url = ''
const told: string[] = []
const events: { user: number; correlationId: string }[] = []
let database: HealthStatus = 'up'
let report: StopReport | undefined

async function start(): Promise<string> {
  const http = createServer()
  const server = httpServerComponent(http, { port: 0, host: '127.0.0.1' })
  const store: Component = { name: 'database', health: () => ({ status: database }) }
  manager = CommunicationManager.fromEnv(env, {
    components: { database: store, server },
    onStartup: () => void told.push('started'),
    onShutdown: (stopped) => {
      report = stopped
      told.push('stopped')
    },
    onHealthChange: ({ isHealthy }) => void told.push(isHealthy ? 'healthy' : 'unhealthy'),
  })
  http.on(
    'request',
    contextHandler(
      async (request, response) => {
        const user = Number(request.url?.split('/').at(-1))
        const profile = await manager.http.get(`/profiles/${user}`)
        await manager.messaging.publish(accessed, { user })
        if (user === 9) await new Promise((resolve) => setTimeout(resolve, 300))
        response.end(profile.text())
      },
      { health: manager },
    ),
  )
  // Declared before initialize(), it starts with it.
  void manager.messaging.subscribe(accessed, (event, { correlationId }) => {
    events.push({ user: (event as { user: number }).user, correlationId })
  })
  await manager.initialize()
  url = server.url
  assert.equal(manager.isReady, true)
  assert.deepEqual(told, ['started'])
  return 'the clients, the subscription and the server, in this order; then it is ready'
}

async function use(): Promise<string> {
  const answer = await fetch(`${url}/users/7`, { headers: { 'x-correlation-id': 'request-1' } })
  assert.equal(await answer.text(), 'profile request-1')
  await until('the event', () => events.length === 1)
  assert.deepEqual(events, [{ user: 7, correlationId: 'request-1' }])
  return 'one request, a call to another service and an event, under one correlation id'
}

async function health(): Promise<string> {
  const ask = async (): Promise<number> => (await fetch(`${url}/health`)).status
  const { isHealthy, components } = await manager.healthCheck()
  assert.equal(isHealthy, true)
  for (const name of ['http', 'messaging', 'database', 'server']) assert.equal(components[name]?.status, 'up', name)
  assert.equal(await ask(), 200)
  database = 'down'
  assert.equal(await ask(), 503)
  assert.equal((await fetch(`${url}/ready`)).status, 200)
  database = 'up'
  assert.equal(await ask(), 200)
  assert.deepEqual(told, ['started', 'unhealthy', 'healthy'])
  return 'up, down with one component, up again; whoever listens is told'
}

async function shutdown(): Promise<string> {
  const underWay = fetch(`${url}/users/9`)
  await until('its event', () => events.length === 2)
  await manager.shutdown()
  const answer = await underWay
  assert.equal(answer.status, 200)
  assert.ok((await answer.text()).startsWith('profile '))
  assert.equal(manager.isReady, false)
  assert.deepEqual(report?.problems, [])
  assert.deepEqual(told, ['started', 'unhealthy', 'healthy', 'stopped'])
  await assert.rejects(fetch(`${url}/users/7`))
  return 'the request under way was answered, nothing blocked, nobody is let in any more'
}

const shown: readonly [string, () => Promise<string>][] = [
  ['Configuration', configuration],
  ['First use', firstUse],
  ['Start', start],
  ['Use', use],
  ['Health', health],
  ['Shutdown', shutdown],
]
try {
  for (const [name, show] of shown) console.log(`✓ ${name}: ${await show()}`)
} finally {
  for (const server of [profiles, invoices]) server.close().closeAllConnections()
}
console.log('communication-manager: ok')
