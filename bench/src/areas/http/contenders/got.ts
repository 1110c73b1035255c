import { Agent } from 'node:http'
import type { Setup } from '@comm/bench/area'
import { POOL_DEFAULTS } from '@comm/http'
import got from 'got'
import { CONNECTIONS, CORRELATION_HEADER, CORRELATION_ID, checkOrder, demandOf } from '../demand.ts'
import { cockatiel } from '../policies.ts'

/** got's promises with the agent and the options that `@comm/http` gives it, with nothing around them, or in cockatiel's policies. */
export const setup: Setup = (input) => {
  const demand = demandOf(input)
  const { url, method, json } = demand
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    maxFreeSockets: CONNECTIONS,
    timeout: POOL_DEFAULTS.keepaliveExpiryMs,
  })
  const client = got.extend({
    agent: { http: agent },
    retry: { limit: 0 },
    throwHttpErrors: false,
    followRedirect: false,
    decompress: false,
    responseType: 'json',
  })
  const send = async (signal?: AbortSignal): Promise<unknown> => {
    const { statusCode, body } = await client(url, {
      method,
      headers: { [CORRELATION_HEADER]: CORRELATION_ID },
      ...(json && { json }),
      ...(signal && { signal }),
    })
    if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    return body
  }
  const policy = cockatiel(demand)
  const call = input.parameters['policies'] ? () => policy.execute(({ signal }) => send(signal)) : () => send()
  return {
    op: async () => checkOrder(await call()),
    close: async () => agent.destroy(),
  }
}
