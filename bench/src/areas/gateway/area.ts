import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Area, Contender, Work } from '@comm/bench/area'
import { findTool } from '@comm/testkit/servers'
import { type Demand, load } from './load.ts'
import { AUDIENCE, ISSUER } from './under-load.ts'

const OURS = '@comm/gateway'
const BARE = 'node:http and undici dispatch'
const FAST_GATEWAY = 'fast-gateway'
const KB64 = 64 * 1024

const DEMANDS: Record<string, Demand> = {
  'GET 200 B': { method: 'GET', path: '/api/v1/users/200', body: null, headers: {}, answerBytes: 200 },
  'GET 64 KB': { method: 'GET', path: `/api/v1/users/${KB64}`, body: null, headers: {}, answerBytes: KB64 },
  'POST 64 KB': {
    method: 'POST',
    path: '/api/v1/users/2',
    body: Buffer.alloc(KB64, 'x'),
    headers: { 'content-type': 'application/octet-stream' },
    answerBytes: 2,
  },
}

/** A token that is good for a year, signed with Ed25519, and the key to check it by. */
const SECURED = 'GET 200 B, secured'
const { privateKey, publicKey } = generateKeyPairSync('ed25519')

function token(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'ada', iat: now, exp: now + 365 * 24 * 3600 }
  const signed = `${part({ alg: 'EdDSA', kid: 'k1', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
}

const CONTENDERS: readonly Contender[] = [
  { name: BARE, module: import.meta.resolve('./contenders/bare.ts') },
  { name: OURS, module: import.meta.resolve('./contenders/comm-gateway.ts') },
  { name: FAST_GATEWAY, module: import.meta.resolve('./contenders/fast-gateway.ts') },
  { name: 'http-proxy-3', module: import.meta.resolve('./contenders/http-proxy-3.ts') },
  { name: '@fastify/http-proxy', module: import.meta.resolve('./contenders/fastify-http-proxy.ts') },
  { name: 'express, http-proxy-middleware', module: import.meta.resolve('./contenders/express.ts') },
  { name: 'nginx', module: import.meta.resolve('./contenders/nginx.ts') },
  { name: 'haproxy', module: import.meta.resolve('./contenders/haproxy.ts') },
]

function work(name: string, beside: number): Work {
  return {
    name,
    baseline: BARE,
    inFlight: 50,
    warmUpMs: 4000,
    roundMs: 700,
    contenders: CONTENDERS.map((contender) => ({ ...contender, parameters: { ...contender.parameters, demand: name } })),
    limits: [
      { contender: OURS, atMost: beside, timesOf: FAST_GATEWAY },
      { contender: OURS, atMost: 1.2, timesOf: BARE },
    ],
  }
}

/** What a gateway costs beside others, per request of a client: processor time of the gateway's own processes. */
export const area: Area = {
  name: 'gateway',
  packages: ['gateway'],
  works: [
    work('GET 200 B', 0.8),
    work('GET 64 KB', 0.9),
    work('POST 64 KB', 0.9),
    {
      name: SECURED,
      baseline: OURS,
      inFlight: 50,
      warmUpMs: 4000,
      roundMs: 700,
      contenders: [
        { name: OURS, module: import.meta.resolve('./contenders/comm-gateway.ts'), parameters: { demand: SECURED } },
        {
          name: `${OURS}, secured`,
          module: import.meta.resolve('./contenders/comm-gateway-secured.ts'),
          parameters: { demand: SECURED },
        },
      ],
    },
  ],
  async prepare() {
    DEMANDS[SECURED] = { ...(DEMANDS['GET 200 B'] as Demand), headers: { authorization: `Bearer ${token()}` } }
    const service = createService()
    const control = createControl()
    await Promise.all([service, control].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))))
    const portOf = (server: Server): string => String((server.address() as AddressInfo).port)
    return {
      environment: {
        nginx: await findTool('nginx', 'nginx', 'usr/sbin'),
        haproxy: await findTool('haproxy', 'haproxy', 'usr/sbin'),
        publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        service: `http://127.0.0.1:${portOf(service)}`,
        control: `http://127.0.0.1:${portOf(control)}`,
      },
      stop: async () => {
        for (const server of [service, control]) {
          server.close()
          server.closeAllConnections()
        }
      },
    }
  },
}

/** Answers with as many bytes as the last part of the path says, once it has read the whole request. */
function createService(): Server {
  const bodies = new Map<string, Buffer>()
  // Contenders that try nothing again would fail on connections that are closed between two rounds.
  return createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const asked = /\/(\d+)\??$/.exec(request.url ?? '')?.[1] ?? '0'
    const body = bodies.get(asked) ?? Buffer.alloc(Number(asked), 'x')
    bodies.set(asked, body)
    const answer = (): void => {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': asked })
      response.end(body)
    }
    if (request.method === 'GET') answer()
    else request.resume().once('end', answer)
  })
}

/** Lets a contender ask for load on itself, which costs another process. */
function createControl(): Server {
  return createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://control')
    const of = (name: string): string => searchParams.get(name) ?? ''
    load(of('url'), DEMANDS[of('demand')] as Demand, Number(of('operations')), Number(of('inFlight'))).then(
      () => response.end('done'),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
}
