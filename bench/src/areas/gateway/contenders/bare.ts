import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Setup } from '@comm/bench/area'
import { type Dispatcher, Pool } from 'undici'
import { PREFIX, underLoad } from '../under-load.ts'

/** The least that a proxy does in Node: hop-by-hop fields are left out, back-pressure holds both ways, and that is all. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'proxy-connection',
  'host',
  'expect',
])

export const setup: Setup = async (input) => {
  const pool = new Pool(String(input.environment.service), { connections: 256 })
  const server = createServer((request, response) => {
    const { headers, method, url = '/' } = request
    const sent: Record<string, string | string[] | undefined> = {}
    for (const name in headers) if (!HOP_BY_HOP.has(name)) sent[name] = headers[name]
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        response.on('drain', () => controller.resume())
        response.on('close', () => {
          if (!response.writableFinished) controller.abort(new Error('the client is gone'))
        })
      },
      onResponseStart(_, status, received) {
        const fields: Record<string, string | string[] | undefined> = {}
        for (const name in received) if (!HOP_BY_HOP.has(name)) fields[name] = received[name]
        response.writeHead(status, fields as Record<string, string>)
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause()
      },
      onResponseEnd() {
        response.end()
      },
      onResponseError() {
        if (response.headersSent) response.destroy()
        else response.writeHead(502).end()
      },
    }
    pool.dispatch(
      {
        method: method as 'GET',
        path: url.slice(PREFIX.length),
        headers: sent as Record<string, string>,
        body: hasBody ? request : null,
      },
      handler,
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return underLoad(input, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    async close() {
      server.close()
      server.closeAllConnections()
      await pool.destroy()
    },
  })
}
