import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type Call, constantBackoff, pause, pipeline, retry, systemClock, timeout } from '@comm/core'
import { type Instance, LoadBalancer, pick } from '@comm/core/balancing'
import type { ServiceResolver } from '@comm/discovery'

const EVERY_MS = 20

/** Calls a service again and again through a resolver, as any client of ours does: balanced, and tried again elsewhere. */
export class Caller implements AsyncDisposable {
  readonly #balancer: LoadBalancer
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>
  calls = 0
  /** What calls failed with. */
  readonly failures: string[] = []
  /** How often each instance answered. */
  readonly answers: Map<string, number> = new Map()

  constructor(resolver: ServiceResolver) {
    this.#balancer = new LoadBalancer({ name: 'orders', instances: resolver })
    this.#running = this.#run(this.#stopped.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort()
    await this.#running
    this.#balancer.close()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const calls = pipeline([
      retry({ maxRetries: 2, backoff: constantBackoff({ baseMs: 5 }) }),
      pick(this.#balancer),
      timeout({ ms: 5000 }),
    ])
    const open = new Set<Promise<void>>()
    while (!signal.aborted) {
      const call = this.#call(calls.run(ask, undefined)).finally(() => open.delete(call))
      open.add(call)
      await pause(systemClock, EVERY_MS, signal)
    }
    await Promise.all(open)
  }

  async #call(answer: Promise<string>): Promise<void> {
    this.calls++
    try {
      const id = await answer
      this.answers.set(id, (this.answers.get(id) ?? 0) + 1)
    } catch (thrown) {
      this.failures.push(String(thrown))
    }
  }
}

async function ask(_: undefined, { target, signal }: Call): Promise<string> {
  const { id, host, port } = target as Instance
  const request = get({ host, port, agent: false, signal })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return id
}
