import type { Setup } from '@comm/bench/area'
import { observePolicies, runInContext } from '@comm/core'
import { EnhancedHttpClient, gotTransport } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { CONNECTIONS, CORRELATION_ID, checkOrder, demandOf } from '../demand.ts'

/** Everything on: retry, breaker, time limits, bulkhead, rate limit, counters of what policies do, the correlation id of the call context. */
export const setup: Setup = (input) => {
  const { origin, path, method, json } = demandOf(input)
  const pool = { maxConnections: CONNECTIONS, maxKeepaliveConnections: CONNECTIONS }
  const transport = input.parameters['transport'] === 'undici' ? undiciTransport(pool) : gotTransport(pool)
  const counts = new Map<string, number>()
  observePolicies(({ policy, event }) => {
    const key = `${policy} ${event}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  })
  const client = new EnhancedHttpClient({
    baseUrl: origin,
    cache: false,
    rateLimit: { perSecond: 1_000_000 },
    transport,
  })
  const send = (): Promise<unknown> =>
    runInContext({ correlationId: CORRELATION_ID }, async () => {
      const response = await client.request(method, path, json && { json })
      return response.json()
    })
  return {
    verify: async () => {
      checkOrder(await send())
      const policies = client.describe()
      for (const part of ['total timeout', 'rateLimit', 'retry', 'breaker', 'bulkhead', 'attempt timeout'])
        if (!policies.includes(part)) throw new Error(`${part} is not on: ${policies}`)
    },
    op: async () => checkOrder(await send()),
    close: async () => {
      await client.close()
      await transport[Symbol.asyncDispose]()
      if (counts.size > 0) throw new Error(`policies had to act: ${JSON.stringify([...counts])}`)
    },
  }
}
