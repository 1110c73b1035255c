import type { RedisConnection } from '@comm/redis-stores/connection'
import { TopicKeys } from './keys.ts'
import { TRIM } from './scripts/publish.ts'

/** So many entries of a topic are done with before it is worth a look. */
const WORTH_A_LOOK = 1000

/** Keeps streams short: counts what is done with, and removes what no group needs any more. */
export class Trimmer {
  readonly #connection: RedisConnection
  readonly #keyPrefix: string
  readonly #retainedRecords: number
  readonly #counts = new Map<string, number>()

  constructor(connection: RedisConnection, keyPrefix: string, retainedRecords: number) {
    this.#connection = connection
    this.#keyPrefix = keyPrefix
    this.#retainedRecords = retainedRecords
  }

  note(topic: string, count: number): void {
    const total = (this.#counts.get(topic) ?? 0) + count
    if (total < WORTH_A_LOOK) {
      this.#counts.set(topic, total)
      return
    }
    this.#counts.delete(topic)
    this.#trim(topic).catch((error: unknown) => {
      this.#connection.options.logger.debug(`stream ${topic} could not be trimmed; the next time will do`, { error })
    })
  }

  async #trim(topic: string): Promise<void> {
    const { link } = this.#connection
    if (link !== undefined) await TRIM.run(link, [new TopicKeys(this.#keyPrefix, topic).stream], [String(this.#retainedRecords)])
  }
}
