import type { RedisConnection } from '@comm/redis-stores/connection'
import type { ResolvedStreams } from '../options.ts'
import { TRIM } from './scripts/publish.ts'

/** So many entries of a stream are done with before it is worth a look. */
const WORTH_A_LOOK = 1000

/** Keeps streams short: counts what is done with, and removes what no group needs any more. */
export class Trimmer {
  readonly #connection: RedisConnection
  readonly #retainedRecords: string
  readonly #counts = new Map<string, number>()

  constructor(connection: RedisConnection, { retainedRecords }: ResolvedStreams) {
    this.#connection = connection
    this.#retainedRecords = String(retainedRecords)
  }

  note(stream: string, count: number): void {
    const total = (this.#counts.get(stream) ?? 0) + count
    this.#counts.set(stream, total < WORTH_A_LOOK ? total : 0)
    const { link, options } = this.#connection
    if (total < WORTH_A_LOOK || link === undefined) return
    TRIM.run(link, [stream], [this.#retainedRecords]).catch((error: unknown) => {
      options.logger.debug(`stream ${stream} could not be trimmed; the next time will do`, { error })
    })
  }
}
