import { Agent } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Setup } from '@comm/bench/area'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { PREFIX, underLoad } from '../under-load.ts'

export const setup: Setup = async (input) => {
  const app = express()
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  app.use(PREFIX, createProxyMiddleware({ target: String(input.environment.service), agent, xfwd: true }))
  const server = app.listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => server.once('listening', () => resolve()))
  return underLoad(input, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    async close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
    },
  })
}
