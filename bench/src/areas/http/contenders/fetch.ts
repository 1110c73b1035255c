import type { Setup } from '@comm/bench/area'
import { CORRELATION_HEADER, CORRELATION_ID, checkOrder, demandOf } from '../demand.ts'

/** Node's own fetch with nothing around it. */
export const setup: Setup = (input) => {
  const { url, method, json } = demandOf(input)
  const send = async (): Promise<unknown> => {
    const headers = { [CORRELATION_HEADER]: CORRELATION_ID }
    const response = await fetch(
      url,
      json === undefined
        ? { method, headers }
        : { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(json) },
    )
    if (!response.ok) throw new Error(`status ${response.status}`)
    return response.json()
  }
  return { op: async () => checkOrder(await send()) }
}
