import { constantBackoff, pipeline, retry, retryBudget, timeout } from '@comm/core'
import { type Instance, LoadBalancer, leastResponseTime, pick, roundRobin } from '@comm/core/balancing'
import { HttpClient } from '@comm/http'

export interface StormClient extends AsyncDisposable {
  readonly name: string
  /** One call; rejects when it has failed. */
  request(): Promise<unknown>
  /** Attempts beyond the first of each call. */
  readonly retries: number
}

/** What a client without policies does: the next instance in turn, and a time limit. */
export function withoutPolicies(addresses: readonly string[]): StormClient {
  const http = new HttpClient({ timeout: { totalMs: 2000 } })
  const balancer = new LoadBalancer({ instances: addresses, strategy: roundRobin(), outlierDetection: false })
  return {
    name: 'without policies',
    retries: 0,
    async request() {
      const candidate = balancer.acquire()
      balancer.release(candidate)
      await http.get(`http://${candidate.instance.id}/`)
    },
    async [Symbol.asyncDispose]() {
      balancer.close()
      await http.close()
    },
  }
}

/** Retries within a budget, on another instance; the instance that is expected to answer first; a time limit for each attempt. */
export function withPolicies(addresses: readonly string[]): StormClient {
  const http = new HttpClient()
  const balancer = new LoadBalancer({
    instances: addresses,
    strategy: leastResponseTime(),
    outlierDetection: { consecutiveFailures: 3, maxEjectedRatio: 0.7 },
    panicThreshold: 0.2,
  })
  let retries = 0
  const calls = pipeline([
    timeout({ ms: 2000 }),
    retry({
      maxRetries: 2,
      backoff: constantBackoff({ baseMs: 1 }),
      budget: retryBudget({ ratio: 0.2 }),
      onRetry: () => {
        retries++
      },
    }),
    pick(balancer),
    timeout({ ms: 150 }),
  ])
  return {
    name: 'with policies',
    get retries() {
      return retries
    },
    request: () => calls.run((_, { target, signal }) => http.get(`http://${(target as Instance).id}/`, { signal }), undefined),
    async [Symbol.asyncDispose]() {
      balancer.close()
      await http.close()
    },
  }
}
