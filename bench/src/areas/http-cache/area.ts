import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Area, Work } from '@comm/bench/area'

const CLIENT = import.meta.resolve('./contenders/client.ts')
const HIT = '@comm/http, hit'
const REQUEST = '@comm/http, request'
const UNDICI_REQUEST = '@comm/http on undici, request'
/** A hit is at least so many times cheaper than a request. */
const CHEAPER = 20

function work(inFlight: number): Work {
  return {
    name: `GET 200 B c=${inFlight}`,
    baseline: REQUEST,
    inFlight,
    contenders: [
      { name: REQUEST, module: CLIENT, parameters: { cache: false } },
      { name: UNDICI_REQUEST, module: CLIENT, parameters: { cache: false, transport: 'undici' } },
      { name: HIT, module: CLIENT, parameters: { cache: true } },
      { name: 'undici, hit', module: import.meta.resolve('./contenders/undici.ts') },
      { name: 'got, hit', module: import.meta.resolve('./contenders/got.ts') },
    ],
    limits: [
      { contender: HIT, atMost: 1 / CHEAPER, timesOf: REQUEST },
      { contender: HIT, atMost: 1 / CHEAPER, timesOf: UNDICI_REQUEST },
    ],
  }
}

/** What a hit of the cache costs beside a request of the same client, everything on, and beside other caches. */
export const area: Area = {
  name: 'http-cache',
  packages: ['http'],
  works: [work(1), work(50)],
  async prepare() {
    const body = Buffer.alloc(200, 'x')
    const server = createServer((_request, response) => {
      response.setHeader('cache-control', 'max-age=86400').setHeader('content-type', 'text/plain').end(body)
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
