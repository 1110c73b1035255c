import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Setup } from '@comm/bench/area'
import { createProxyServer } from 'http-proxy-3'
import { PREFIX, underLoad } from '../under-load.ts'

export const setup: Setup = async (input) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const proxy = createProxyServer({ target: String(input.environment.service), agent, xfwd: true })
  const server = createServer((request, response) => {
    request.url = request.url?.slice(PREFIX.length) ?? '/'
    proxy.web(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return underLoad(input, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    async close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
    },
  })
}
