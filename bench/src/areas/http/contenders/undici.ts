import type { Setup } from '@comm/bench/area'
import { Pool } from 'undici'
import { CONNECTIONS, CORRELATION_HEADER, CORRELATION_ID, checkOrder, demandOf } from '../demand.ts'
import { cockatiel } from '../policies.ts'

/** A Pool with nothing around it, or in cockatiel's policies. */
export const setup: Setup = (input) => {
  const demand = demandOf(input)
  const { origin, path, method, json } = demand
  const pool = new Pool(origin, { connections: CONNECTIONS })
  const send = async (signal?: AbortSignal): Promise<unknown> => {
    const headers = { [CORRELATION_HEADER]: CORRELATION_ID }
    const { statusCode, body } = await pool.request({
      method,
      path,
      headers: json === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      body: json === undefined ? null : JSON.stringify(json),
      ...(signal && { signal }),
    })
    if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    return body.json()
  }
  const policy = cockatiel(demand)
  const call = input.parameters['policies'] ? () => policy.execute(({ signal }) => send(signal)) : () => send()
  return {
    op: async () => checkOrder(await call()),
    close: () => pool.close(),
  }
}
