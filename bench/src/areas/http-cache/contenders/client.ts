import type { Setup } from '@comm/bench/area'
import { EnhancedHttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'

/** Everything on, as it is by default: what a request costs, and what a hit of the cache does. */
export const setup: Setup = ({ environment, parameters: { cache, transport } }) => {
  const client = new EnhancedHttpClient({
    baseUrl: environment['url'] ?? '',
    cache: cache === true,
    ...(transport === 'undici' ? { transport: undiciTransport() } : {}),
  })
  return {
    verify: async () => {
      const first = await client.get('/fresh')
      const second = await client.get('/fresh')
      const isHit = second.attempts === 0
      if (isHit !== cache || second.bytes().byteLength !== 200 || first.status !== 200) throw new Error(`hit: ${isHit}`)
    },
    op: async () => {
      const answer = await client.get('/fresh')
      if (answer.status !== 200) throw new Error(`status ${answer.status}`)
      return answer.text()
    },
    close: () => client.close(),
  }
}
