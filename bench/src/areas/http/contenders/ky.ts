import type { Setup } from '@comm/bench/area'
import ky from 'ky'
import { CORRELATION_HEADER, CORRELATION_ID, checkOrder, demandOf, TIMEOUT_MS } from '../demand.ts'

/** ky with its retry and its time limit, over Node's own fetch. */
export const setup: Setup = (input) => {
  const { url, method, json } = demandOf(input)
  const client = ky.create({ timeout: TIMEOUT_MS, retry: { limit: 3 } })
  const send = (): Promise<unknown> =>
    client(url, { method, headers: { [CORRELATION_HEADER]: CORRELATION_ID }, ...(json && { json }) }).json()
  return { op: async () => checkOrder(await send()) }
}
