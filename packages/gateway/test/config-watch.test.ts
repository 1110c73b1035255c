import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthenticationError } from '@comm/core'
import { ConfigWatch, createGateway, type Gateway, parseGatewayConfig, readGatewayConfig } from '@comm/gateway'
import { descriptors } from '@comm/protos/descriptors'
import { TestClock, waitFor } from '@comm/testkit'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { gatewayFor, service, type TestService } from './support/services.ts'

let folder: string
let file: string
let one: TestService
let two: TestService

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gateway-watch-'))
  file = join(folder, 'gateway.yaml')
  one = await service((_, response) => void response.end('one'))
  two = await service((_, response) => void response.end('two'))
})

afterEach(async () => {
  await one[Symbol.asyncDispose]()
  await two[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const to = (url: string): string => `services: { any: { url: '${url}', path: /any } }\n`

/** As editors and configuration maps do it. */
function replace(text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

describe('a file that changes', () => {
  it('is taken on live: requests under way end, the connection stays, none fails', async () => {
    let release: (() => void) | undefined
    await using slow = await service((_, response) => {
      if (release === undefined) release = () => response.end('slow')
      else response.end('still')
    })
    replace(to(slow.url))
    await using gateway = await gatewayFor({ services: { other: 'http://127.0.0.1:1' } })
    const clock = new TestClock()
    using watch = new ConfigWatch(gateway, { file, clock })
    await watch.start()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const underWay = ask(gateway, agent)
    await waitFor(() => release !== undefined, { what: 'the request at the service' })

    replace(to(two.url))
    await clock.advance(2000)
    await waitFor(async () => (await ask(gateway)).text === 'two', { what: 'the new configuration' })
    release?.()
    const [before, after] = [await underWay, await ask(gateway, agent)]
    expect([before.text, after.text]).toEqual(['slow', 'two'])
    expect(after.port).toBe(before.port)
    agent.destroy()
  })

  it('and is wrong, or gone, changes nothing, which is said once; when it is right again it is taken on', async () => {
    const logged: string[] = []
    const logger = { info: (text: string) => logged.push(text), error: (text: string) => logged.push(text) } as never
    replace(to(one.url))
    await using gateway = await gatewayFor({ ...(await readGatewayConfig(file)) })
    using watch = new ConfigWatch(gateway, { file, logger, clock: new TestClock() })
    await watch.start()
    expect([await watch.reload(), watch.health().status, logged.length]).toEqual([false, 'up', 1])
    for (const wrong of ['services: [', 'services: { any: { url: nowhere } }\nroutes: [{ path: x }]']) {
      replace(wrong)
      expect([await watch.reload(), await watch.reload(), watch.health().status]).toEqual([false, false, 'degraded'])
      expect((await ask(gateway)).text).toBe('one')
    }
    expect(watch.problem?.message).toMatch(/services\.any\.url[\s\S]*routes\[0\]\.path/)
    rmSync(file)
    expect([await watch.reload(), watch.problem?.message]).toEqual([false, expect.stringContaining('cannot be read')])
    expect(logged.filter((line) => line.includes('goes on with the configuration that it has'))).toHaveLength(3)
    replace(to(two.url))
    expect([await watch.reload(), watch.health().status, (await ask(gateway)).text]).toEqual([true, 'up', 'two'])
  })

  it('may be one that the file names', async () => {
    mkdirSync(join(folder, 'apis'))
    const api = (path: string): void =>
      writeFileSync(join(folder, 'apis/any.yaml'), `openapi: 3.1.0\npaths: { ${path}: { get: { parameters: [] } } }\n`)
    api('/any')
    replace(
      `${to(one.url)}routes: [{ path: '/x/*', service: any, strip_prefix: /x, validate: { openapi: { document: apis/any.yaml } } }]`,
    )
    await using gateway = await gatewayFor({ ...(await readGatewayConfig(file)) })
    using watch = new ConfigWatch(gateway, { file, clock: new TestClock() })
    await watch.start()
    expect((await ask(gateway, undefined, '/x/other')).status).toBe(404)
    api('/other')
    expect(await watch.reload()).toBe(true)
    expect((await ask(gateway, undefined, '/x/other')).status).toBe(200)
  })
})

describe('what no file can hold', () => {
  it('is used by its name, wherever an option takes it', async () => {
    const parts = {
      staff: () => {
        throw new AuthenticationError('who?')
      },
      store: { take: () => ({ allowed: true, remaining: 1, retryAfterMs: 0 }) },
      tenant: () => 'blue',
      upper: (body: Buffer) => body.toString().toUpperCase(),
      instances: { ready: async () => undefined, watch: () => () => undefined, instances: [] },
    }
    const config = parseGatewayConfig(
      `services: { any: { instances: { use: instances } } }
routes:
  - { path: /a, service: any, auth: { use: staff }, rate_limit: { per_second: 1, key: { use: tenant }, store: { use: store } } }
  - { path: /b, service: any, transform: { request: { body: { use: upper } }, response: { body: { use: upper } } } }
  - { path: /c, service: any, fallback: { body: { use: nothing } }, validate: { openapi: { base_path: '', document: { openapi: 3.1.0 } } } }`,
      'here',
      parts,
    )
    const [a, b, c] = config.routes ?? []
    expect(config.services['any']).toEqual({ instances: parts.instances })
    expect([a?.auth, a?.rateLimit?.key, a?.rateLimit?.store]).toEqual([parts.staff, parts.tenant, parts.store])
    expect([b?.transform?.request?.body, b?.transform?.response?.body]).toEqual([parts.upper, parts.upper])
    expect([c?.fallback?.body, c?.validate?.openapi?.basePath]).toEqual([{ use: 'nothing' }, ''])
    expect(() => createGateway({ port: 0, ...config })).not.toThrow()
  })

  it('and is not given is a problem among the others, with its key', () => {
    const text =
      'services: { any: http://any }\nroutes: [{ path: /a, service: any, auth: { use: staff } }, { path: b, service: any }]'
    expect(() => parseGatewayConfig(text, 'here', { other: 1 })).toThrow(
      /routes\[0\]\.auth\.use.*parts: other[\s\S]*routes\[1\]\.path/,
    )
  })
})

describe('files that a file names', () => {
  it('are descriptors of gRPC services, which are checked with it', async () => {
    writeFileSync(join(folder, 'payments.binpb'), descriptors)
    const route = (fullName: string): string =>
      `services: { payments: { instances: ['127.0.0.1:1'] } }
routes: [{ path: '/rpc/*', grpc: { service: payments, full_name: ${fullName}, descriptors: payments.binpb } }]`
    replace(route('payments.v1.PaymentService'))
    expect((await readGatewayConfig(file)).routes?.[0]?.grpc?.descriptors).toEqual(new Uint8Array(descriptors))
    replace(route('payments.v1.None'))
    await expect(readGatewayConfig(file)).rejects.toThrow(/routes\[0\]\.grpc\.descriptors.*no service payments\.v1\.None/)
    replace(route('a.B').replace('payments.binpb', 'none.binpb'))
    await expect(readGatewayConfig(file)).rejects.toThrow(/routes\[0\]\.grpc\.descriptors.*file that can be read/)
  })
})

interface Answer {
  readonly status: number
  readonly text: string
  /** Of this side: the same one for the same connection. */
  readonly port: number
}

function ask({ url }: Gateway, agent?: Agent, path = '/any'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url + path, { ...(agent === undefined ? { agent: false } : { agent }) }, (response) => {
      const port = response.socket.localPort as number
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, port }))
    })
    request.on('error', reject)
  })
}
