import type { Setup } from '@comm/bench/area'
import { RedisStreamsClient } from '@comm/messaging-redis'
import { SOURCE } from '../order.ts'
import { commClient } from './comm-client.ts'

export const setup: Setup = (input) => {
  const { hostname, port } = new URL(String(input.environment.redis))
  const options = { host: hostname, port: Number(port), source: SOURCE, prefetchCount: input.inFlight }
  return commClient(new RedisStreamsClient(options), input)
}
