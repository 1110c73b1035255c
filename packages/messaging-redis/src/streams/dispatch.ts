import { randomBytes } from 'node:crypto'
import type { OutboundRecord } from '@comm/messaging'
import type { Argument, RedisConnection, RedisScript } from '@comm/redis-stores/connection'
import type { Dispatch } from '../publisher.ts'
import { encodeEntry } from './entry.ts'
import { topicKeys } from './keys.ts'
import { PUBLISH } from './scripts/publish.ts'
import type { Trimmer } from './trimmer.ts'

/** Records of a topic go into its stream together; those for one group, or for later, into what is theirs. */
export class StreamDispatch implements Dispatch {
  readonly script: RedisScript = PUBLISH
  readonly nobody = 'Redis has no stream of that name'
  readonly #connection: RedisConnection
  readonly #prefix: string
  readonly #trimmer: Trimmer
  /** Makes equal delayed records differ. */
  readonly #unique = randomBytes(6).toString('base64url')
  #commands = 0

  constructor(connection: RedisConnection, prefix: string, trimmer: Trimmer) {
    this.#connection = connection
    this.#prefix = prefix
    this.#trimmer = trimmer
  }

  place({ topic }: OutboundRecord): string {
    return topic
  }

  command(records: readonly OutboundRecord[]): { readonly keys: [string, ...string[]]; readonly args: readonly Argument[] } {
    const topic = topicKeys(this.#prefix, (records[0] as OutboundRecord).topic)
    const now = this.#connection.options.clock.wall()
    const groups: string[] = []
    const args: Argument[] = []
    for (const record of records) {
      const { group, notBefore = 0, unroutable } = record
      if (group !== undefined && !groups.includes(group)) groups.push(group)
      const target = group === undefined ? (unroutable === 'ignore' ? '+' : '') : String(groups.indexOf(group) + 1)
      args.push(target, notBefore > now ? String(notBefore) : '', ...encodeEntry(record))
    }
    const ofGroups = groups.flatMap((group) => [topic.only(group), topic.delayedOnly(group)])
    return {
      keys: [topic.stream, topic.delayed, ...ofGroups],
      args: [`${this.#unique}:${++this.#commands}:`, ...groups, ...args],
    }
  }

  /** What nobody may take, no acknowledgement will count. */
  onSent(records: readonly OutboundRecord[]): void {
    const { length } = records.filter(({ group, unroutable }) => group === undefined && unroutable === 'ignore')
    if (length > 0) this.#trimmer.note(this.#prefix + (records[0] as OutboundRecord).topic, length)
  }
}
