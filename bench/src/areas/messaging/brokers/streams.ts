import { checkSealed, sealWithType } from '../order.ts'
import { openRedis, type Redis } from '../redis-client.ts'
import { GROUP, type Role } from '../role.ts'
import type { Stock } from '../stock.ts'

/** Redis Streams, one a contender, with a group. */
export class StreamsStock implements Stock {
  readonly tolerated = 0
  readonly #client: Redis

  private constructor(client: Redis) {
    this.#client = client
  }

  static async open(url: string): Promise<StreamsStock> {
    return new StreamsStock(await openRedis(url))
  }

  async declare({ topic }: Role): Promise<void> {
    await this.#client.xGroupCreate(topic, GROUP, '0', { MKSTREAM: true })
  }

  async fill({ topic }: Role, count: number): Promise<void> {
    const added: Promise<unknown>[] = []
    for (let sent = 0; sent < count; sent++) {
      const { headers, body } = sealWithType(topic)
      added.push(this.#client.xAdd(topic, '*', { body, headers: JSON.stringify(headers) }))
    }
    await Promise.all(added)
  }

  /** Of a consumer: what the group has not read or not acknowledged. */
  async drain({ topic, does }: Role): Promise<number> {
    if (does === 'consume') return this.#unsettled(topic)
    const [first] = (await this.#client.xRange(topic, '-', '+', { COUNT: 1 })) ?? []
    if (first === undefined) return 0
    const { body = '', headers = '{}', ...others } = first.message
    if (Object.keys(others).length > 0) throw new Error(`an entry of ${topic} came with the fields ${Object.keys(others)}`)
    checkSealed(sealWithType(topic), JSON.parse(headers) as Record<string, unknown>, Buffer.from(body), false)
    return this.#client.xTrim(topic, 'MAXLEN', 0)
  }

  async #unsettled(topic: string): Promise<number> {
    const info = (await this.#client.xInfoGroups(topic)).find(({ name }) => String(name) === GROUP)
    if (info === undefined) throw new Error(`the group of ${topic} is gone`)
    await this.#client.xTrim(topic, 'MAXLEN', 0)
    return Number(info.pending) + Number(info.lag)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }
}
