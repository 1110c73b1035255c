import type { Setup } from '@comm/bench/area'
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'
import { PREFIX, underLoad } from '../under-load.ts'

export const setup: Setup = async (input) => {
  const app = Fastify()
  await app.register(httpProxy, { upstream: String(input.environment.service), prefix: PREFIX, undici: { connections: 256 } })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return underLoad(input, url, { close: () => app.close() })
}
