import { CommunicationError } from '@comm/core'
import { boolean, callable, checkOptions, number } from '@comm/core/options'
import type { BrokerAdapter, BrokerAdmin, HeaderValue, OutboundRecord, StoredRecord } from './broker.ts'
import type { Codecs } from './codec.ts'
import type { Connection } from './connection.ts'
import { open } from './envelope.ts'
import {
  ATTEMPTS,
  CE_EXPIRY_TIME,
  CE_ID,
  CONTENT_TYPE,
  DEAD_CODE,
  DEAD_GROUP,
  DEAD_MESSAGE,
  DEAD_REASON,
  DEAD_TOPIC,
  DEAD_TRUNCATED,
  DIED_AT,
  FIRST_SEEN,
  FOREIGN_ID,
  NOT_BEFORE,
  numberOf,
  REPLAYS,
  TRUNCATED_BODY,
  textOf,
} from './headers.ts'
import type { DeadReason } from './outcome.ts'
import { DEAD_LETTER_GROUP, deadTopic } from './pipeline/republish.ts'
import type { Publisher } from './publisher.ts'

/** A message that could not be handled, as it lies in the dead-letter topic. */
export interface DeadLetter {
  /** The broker's name for it, in its dead-letter topic. */
  readonly id: string
  /** CloudEvents id of the message itself. */
  readonly messageId: string | undefined
  readonly topic: string
  readonly group: string
  readonly key: string | undefined
  readonly reason: DeadReason | 'unknown'
  /** Our error code, and what the error said. */
  readonly code: string | undefined
  readonly message: string | undefined
  readonly attempts: number
  /** Epoch milliseconds. */
  readonly firstSeenAt: number | undefined
  readonly diedAt: number | undefined
  /** How often it was replayed before it died again. */
  readonly replays: number
  readonly headers: Readonly<Record<string, HeaderValue>>
  readonly bytes: Uint8Array
  /** The decoded body; undefined when it cannot be decoded. */
  readonly body: unknown
}

export interface ListOptions {
  /** Look at no more than the oldest so many. @default 100 */
  readonly limit?: number
  readonly where?: (letter: DeadLetter) => boolean
}

export interface ReplayOptions extends ListOptions {
  /** Only say what would be replayed. @default false */
  readonly dryRun?: boolean
  /** A letter replayed this often already stays where it is: whatever kills it is still there. @default 3 */
  readonly maxReplays?: number
}

export const REPLAY_DEFAULTS: Readonly<Required<Omit<ReplayOptions, 'where'>>> = Object.freeze({
  limit: 100,
  dryRun: false,
  maxReplays: 3,
})

export interface ReplayReport {
  /** Published again to the group that failed, or with `dryRun` those that would be. */
  readonly replayed: readonly DeadLetter[]
  /** Left alone: replayed `maxReplays` times before, or there is only the beginning of its body, too large for us to publish. */
  readonly refused: readonly DeadLetter[]
  /** Could not be published again, and are still dead letters. */
  readonly failed: readonly { readonly letter: DeadLetter; readonly error: CommunicationError }[]
  /** Taken out of the dead-letter topic; fewer than replayed where the broker could not: the others would be replayed again. */
  readonly removed: number
}

export interface DeadLettersParts {
  readonly adapter: BrokerAdapter
  readonly connection: Connection
  readonly publisher: Publisher
  readonly codecs: Codecs
}

/** The dead letters of one group of one topic: look at them, replay them to that group, throw them away. */
export class DeadLetters {
  readonly topic: string
  readonly group: string
  readonly #where: { readonly topic: string; readonly group: string }
  readonly #parts: DeadLettersParts

  constructor(topic: string, group: string, parts: DeadLettersParts) {
    this.topic = topic
    this.group = group
    this.#where = { topic: deadTopic(topic, group), group: DEAD_LETTER_GROUP }
    this.#parts = parts
  }

  async count(): Promise<number> {
    return (await this.#admin()).lag(this.#where.topic, this.#where.group)
  }

  /** Oldest first. */
  async list(options: ListOptions = {}): Promise<readonly DeadLetter[]> {
    checkOptions<ListOptions>('list', options, { limit: number({ min: 1, integer: true }), where: callable })
    const { limit = REPLAY_DEFAULTS.limit, where } = options
    const admin = await this.#admin()
    const records = await admin.browse({ ...this.#where, limit })
    const letters = records.map((record) => this.#read(record))
    return where === undefined ? letters : letters.filter((letter) => where(letter))
  }

  /** One letter by its id, or by the id of its message; undefined when it is not among the oldest `limit`. */
  async find(id: string, limit: number = REPLAY_DEFAULTS.limit): Promise<DeadLetter | undefined> {
    return (await this.list({ limit, where: (letter) => letter.id === id || letter.messageId === id }))[0]
  }

  /**
   * Publishes letters again, for the group that failed alone and with their attempts begun anew, and takes them out of the dead-letter
   * topic once the broker has confirmed: after a crash in between a letter may be there twice, never lost.
   */
  async replay(options: ReplayOptions = {}): Promise<ReplayReport> {
    checkOptions<ReplayOptions>('replay', options, {
      limit: number({ min: 1, integer: true }),
      where: callable,
      dryRun: boolean,
      maxReplays: number({ min: 1, integer: true, infinite: true }),
    })
    const { dryRun = REPLAY_DEFAULTS.dryRun, maxReplays = REPLAY_DEFAULTS.maxReplays, ...listed } = options
    const letters = await this.list(listed)
    const isWanted = ({ headers, replays }: DeadLetter): boolean =>
      replays < maxReplays && textOf(headers[DEAD_TRUNCATED]) !== TRUNCATED_BODY
    const refused = letters.filter((letter) => !isWanted(letter))
    const wanted = letters.filter(isWanted)
    if (dryRun) return { replayed: wanted, refused, failed: [], removed: 0 }
    const results = await Promise.all(
      wanted.map((letter) =>
        this.#parts.publisher.republish(replayRecord(letter)).then(
          () => undefined,
          (thrown: unknown) => CommunicationError.from(thrown),
        ),
      ),
    )
    const replayed = wanted.filter((_, index) => results[index] === undefined)
    const failed = wanted.flatMap((letter, index) => {
      const error = results[index]
      return error === undefined ? [] : [{ letter, error }]
    })
    const ids = replayed.map(({ id }) => id)
    const removed = ids.length === 0 ? 0 : await this.#remove(ids)
    return { replayed, refused, failed, removed }
  }

  /** They are replayed, whatever becomes of this. */
  async #remove(ids: readonly string[]): Promise<number> {
    const { topic, group } = this.#where
    const admin = await this.#admin()
    try {
      return (await admin.remove?.(topic, ids, group)) ?? 0
    } catch {
      return 0
    }
  }

  /** Throws all of them away. @returns how many */
  async purge(): Promise<number> {
    return (await this.#admin()).purge(this.#where.topic, this.#where.group)
  }

  async #admin(): Promise<BrokerAdmin> {
    const { adapter, connection } = this.#parts
    if (adapter.admin === undefined) {
      throw new CommunicationError(`dead letters of ${this.topic} cannot be looked at: ${adapter.system} keeps none`, {
        code: 'COMM_UNSUPPORTED',
      })
    }
    await connection.ready()
    return adapter.admin
  }

  #read(record: StoredRecord): DeadLetter {
    const { headers, body: bytes } = this.#opened(record)
    return {
      id: record.id,
      messageId: textOf(headers[CE_ID] ?? headers[FOREIGN_ID]),
      topic: textOf(headers[DEAD_TOPIC]) ?? this.topic,
      group: textOf(headers[DEAD_GROUP]) ?? this.group,
      key: record.key,
      reason: (textOf(headers[DEAD_REASON]) as DeadReason | undefined) ?? 'unknown',
      code: textOf(headers[DEAD_CODE]),
      message: textOf(headers[DEAD_MESSAGE]),
      attempts: numberOf(headers[ATTEMPTS]) ?? 0,
      firstSeenAt: numberOf(headers[FIRST_SEEN]),
      diedAt: numberOf(headers[DIED_AT]),
      replays: numberOf(headers[REPLAYS]) ?? 0,
      headers,
      bytes,
      body: this.#decoded(bytes, textOf(headers[CONTENT_TYPE])),
    }
  }

  #opened(record: StoredRecord): Pick<StoredRecord, 'headers' | 'body'> {
    try {
      return open(this.#parts.adapter.features, record)
    } catch {
      return record
    }
  }

  #decoded(bytes: Uint8Array, contentType = 'application/json'): unknown {
    try {
      return this.#parts.codecs.decode(bytes, contentType, this.topic)
    } catch {
      return undefined
    }
  }
}

const NOT_REPLAYED = [
  DEAD_REASON,
  DEAD_CODE,
  DEAD_MESSAGE,
  DEAD_TOPIC,
  DEAD_GROUP,
  DEAD_TRUNCATED,
  DIED_AT,
  ATTEMPTS,
  NOT_BEFORE,
  CE_EXPIRY_TIME,
]

function replayRecord(letter: DeadLetter): OutboundRecord {
  const headers: Record<string, HeaderValue> = { ...letter.headers, [REPLAYS]: String(letter.replays + 1) }
  for (const name of NOT_REPLAYED) delete headers[name]
  const { topic, group, bytes: body, key } = letter
  return { topic, group, body, headers, ...(key === undefined ? undefined : { key }) }
}
