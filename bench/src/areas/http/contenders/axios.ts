import { Agent } from 'node:http'
import type { Setup } from '@comm/bench/area'
import axios from 'axios'
import axiosRetry, { exponentialDelay } from 'axios-retry'
import CircuitBreaker from 'opossum'
import { CONNECTIONS, CORRELATION_HEADER, CORRELATION_ID, checkOrder, demandOf, TIMEOUT_MS } from '../demand.ts'

/** axios with axios-retry in opossum's breaker, time limit and capacity. */
export const setup: Setup = (input) => {
  const { url, method, json } = demandOf(input)
  const httpAgent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const client = axios.create({ httpAgent, timeout: TIMEOUT_MS, maxRedirects: 0 })
  axiosRetry(client, { retries: 3, retryDelay: exponentialDelay })
  const send = async (): Promise<unknown> => {
    const { data } = await client.request({ url, method, headers: { [CORRELATION_HEADER]: CORRELATION_ID }, data: json })
    return data
  }
  const breaker = new CircuitBreaker(send, { timeout: TIMEOUT_MS, capacity: CONNECTIONS, errorThresholdPercentage: 50 })
  return {
    op: async () => checkOrder(await breaker.fire()),
    close: async () => {
      breaker.shutdown()
      httpAgent.destroy()
    },
  }
}
