import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { ConnectionError, Lifecycle } from '@comm/core'
import { HttpClient } from '@comm/http'
import { httpServerComponent } from '@comm/http/server'
import { describe, expect, it } from '@jest/globals'
import { echo, failureOf, until } from '../support/local-server.ts'

const local = { port: 0, host: '127.0.0.1' }
const never = new AbortController().signal

async function rawConnection(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1')
  let received = ''
  socket.on('data', (piece: string) => {
    received += piece
  })
  await once(socket, 'connect')
  return { socket, received: () => received }
}

describe('httpServerComponent', () => {
  it('listens on start, tells its URL, and stops twice without a word', async () => {
    const component = httpServerComponent(createServer(echo), local)
    expect(() => component.url).toThrow('http server has no URL')
    expect(await component.health(never)).toEqual({ status: 'down', reason: 'not listening' })
    await component.start(never)
    await component.start(never)
    expect(component.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(await component.health(never)).toEqual({ status: 'up' })
    expect((await fetch(component.url)).status).toBe(200)
    for (let time = 0; time < 2; time++) {
      component.stopIntake(never)
      await component.drain(never)
      await component.close(never)
    }
    expect(await component.health(never)).toMatchObject({ status: 'down' })
  })

  it('closes although it never started', async () => {
    const component = httpServerComponent(createServer(echo), local)
    component.stopIntake(never)
    await component.drain(never)
    await component.close(never)
  })

  it('says what to do about a port in use', async () => {
    const first = httpServerComponent(createServer(echo), local)
    await first.start(never)
    const port = Number(new URL(first.url).port)
    const error = await failureOf(
      Promise.resolve(httpServerComponent(createServer(echo), { ...local, port, name: 'orders' }).start(never)),
    )
    expect(error).toBeInstanceOf(ConnectionError)
    expect(String(error)).toContain(`orders could not listen on 127.0.0.1:${port}`)
    expect(String(error)).toContain('choose another')
    await first.close(never)
  })

  it('does not begin to listen once the start is aborted', async () => {
    const server = createServer(echo)
    const reason = new Error('stop')
    expect(await failureOf(Promise.resolve(httpServerComponent(server, local).start(AbortSignal.abort(reason))))).toBe(reason)
    expect(server.listening).toBe(false)
  })

  it('answers what is under way before it stops, takes nothing new, and keeps no idle connection waiting', async () => {
    const held: ServerResponse[] = []
    const server = createServer((request, response) => {
      if (request.url === '/slow') held.push(response)
      else response.end('fast')
    })
    const lifecycle = new Lifecycle()
    const component = httpServerComponent(server, local)
    lifecycle.add(component)
    await lifecycle.start()
    await using client = new HttpClient({ baseUrl: component.url })
    await client.get('/fast')
    const slow = client.get('/slow')
    await client.get('/fast')
    await until(() => held.length === 1)
    expect(component.inFlight).toBe(1)
    const { url } = component
    const stopped = lifecycle.stop()
    await until(() => !server.listening)
    await until(() => client.stats().idle === 0)
    expect(await failureOf(client.get('/fast', { timeout: { connectMs: 30_000 } }))).toMatchObject({ code: 'COMM_CONNECTION' })
    held[0]?.end('answered')
    const response = await slow
    expect([response.text(), response.headers.connection]).toEqual(['answered', 'close'])
    expect((await stopped).problems).toEqual([])
    expect(url).not.toBe('')
  })

  it('answers every request of a connection that asks for several at once, and ends it behind the last', async () => {
    const held = new Map<string, ServerResponse>()
    const component = httpServerComponent(
      createServer((request, response) => void held.set(String(request.url), response)),
      local,
    )
    await component.start(never)
    const { socket, received } = await rawConnection(component.url)
    const ask = (path: string): boolean => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    for (const path of ['/1', '/2', '/3']) ask(path)
    await until(() => held.size === 3)
    await component.stopIntake(never)
    ask('/4')
    await until(() => held.size === 4)
    for (const [path, response] of held) response.end(`answer to ${path}`)
    await until(() => socket.closed)
    expect(received().match(/answer to .\d/g)).toEqual([1, 2, 3, 4].map((each) => `answer to /${each}`))
    expect(received().match(/connection: close/gi)).toHaveLength(1)
    expect(received()).toMatch(/connection: close(?![\s\S]*HTTP)[\s\S]*answer to \/4$/i)
    await component.close(never)
  })

  it('answers a request that has arrived and is not read yet', async () => {
    const component = httpServerComponent(createServer(echo), local)
    await component.start(never)
    const { socket, received } = await rawConnection(component.url)
    const ask = (): boolean => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    ask()
    await until(() => received().includes(' 200 '))
    await until(() => component.inFlight === 0)
    ask()
    await component.stopIntake(never)
    await until(() => socket.closed)
    expect(received().match(/ 200 /g)).toHaveLength(2)
    await component.close(never)
  })

  it('cuts what does not end within the budget, and the report says so', async () => {
    const server = createServer(() => undefined)
    const lifecycle = new Lifecycle({ stopBudgetMs: 100 })
    const component = httpServerComponent(server, local)
    lifecycle.add(component)
    await lifecycle.start()
    const hanging = fetch(component.url).catch((error: unknown) => error)
    await until(() => component.inFlight === 1)
    const { problems } = await lifecycle.stop()
    expect(problems.map(({ component: name, phase }) => [name, phase])).toEqual([['http server', 'drain']])
    expect(await hanging).toHaveProperty('message', 'fetch failed')
    await until(() => component.inFlight === 0)
  })
})
