import type { ServerName, TestServer } from '../server.ts'
import { STARTERS } from './starters.ts'

/** Servers by kind and options, each started when it is first asked for. A start that failed is tried again at the next request. */
export class ServerPool {
  readonly #starting = new Map<string, Promise<TestServer>>()

  get(name: ServerName, options: object): Promise<TestServer> {
    const key = `${name} ${JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)))}`
    const known = this.#starting.get(key)
    if (known !== undefined) return known
    const starting = STARTERS[name](options)
    this.#starting.set(key, starting)
    starting.catch(() => this.#starting.delete(key))
    return starting
  }

  /** Also what is still starting. */
  async close(): Promise<void> {
    const all = await Promise.allSettled(this.#starting.values())
    this.#starting.clear()
    await Promise.all(all.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)))
  }
}
