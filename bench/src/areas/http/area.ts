import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Area, Contender, Work } from '@comm/bench/area'
import { ANSWER } from './demand.ts'

const COMM = import.meta.resolve('./contenders/comm-http.ts')
const UNDICI = import.meta.resolve('./contenders/undici.ts')
const GOT = import.meta.resolve('./contenders/got.ts')

const ON_UNDICI = '@comm/http on undici'
const ON_GOT = '@comm/http on got'
const POOL = 'undici Pool'

const CONTENDERS: readonly Contender[] = [
  { name: POOL, module: UNDICI },
  { name: ON_UNDICI, module: COMM, parameters: { transport: 'undici' } },
  { name: 'undici Pool, cockatiel', module: UNDICI, parameters: { policies: true } },
  { name: 'got', module: GOT },
  { name: ON_GOT, module: COMM, parameters: { transport: 'got' } },
  { name: 'got, cockatiel', module: GOT, parameters: { policies: true } },
  { name: 'axios, axios-retry, opossum', module: import.meta.resolve('./contenders/axios.ts') },
  { name: 'ky', module: import.meta.resolve('./contenders/ky.ts') },
  { name: 'fetch', module: import.meta.resolve('./contenders/fetch.ts') },
]

function work(name: string, method: 'GET' | 'POST', inFlight: number): Work {
  return {
    name: `${name} c=${inFlight}`,
    baseline: POOL,
    inFlight,
    roundMs: 1000,
    warmUpInFlight: 50,
    // Compiling is over after about 20,000 requests.
    warmUpMs: 4000,
    contenders: CONTENDERS.map((contender) => ({ ...contender, parameters: { ...contender.parameters, method } })),
    limits: [
      { contender: ON_UNDICI, atMost: 1.1, timesOf: POOL },
      { contender: ON_GOT, atMost: 1.05, timesOf: 'got' },
    ],
  }
}

/** What a request costs its client, everything on, beside the bare libraries and beside what else a user would put together. */
export const area: Area = {
  name: 'http',
  packages: ['http', 'core'],
  works: [work('GET 200 B', 'GET', 1), work('GET 200 B', 'GET', 50), work('POST 1 KB', 'POST', 1), work('POST 1 KB', 'POST', 50)],
  async prepare() {
    const body = Buffer.from(JSON.stringify(ANSWER))
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      request.resume().once('end', () => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.byteLength }).end(body)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      environment: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      stop: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    }
  },
}
