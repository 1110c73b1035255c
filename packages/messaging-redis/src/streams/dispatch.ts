import { randomBytes } from 'node:crypto'
import type { OutboundRecord } from '@comm/messaging'
import type { Argument, RedisConnection } from '@comm/redis-stores/connection'
import type { ResolvedStreams } from '../options.ts'
import type { Dispatch } from '../publisher.ts'
import { encodeEntry } from './entry.ts'
import { topicKeys } from './keys.ts'
import { PUBLISH } from './scripts/publish.ts'

/** Records of a topic go into its stream together; those for one group, or for later, into what is theirs. */
export function streamDispatch({ options: { clock } }: RedisConnection, options: ResolvedStreams): Dispatch {
  const { keyPrefix, retainedRecords, confirmDelivery: confirms } = options
  /** Makes equal delayed records differ. */
  const unique = randomBytes(6).toString('base64url')
  let commands = 0
  return {
    script: PUBLISH,
    confirms,
    nobody: 'Redis has no stream of that name',
    place: ({ topic }) => topic,
    command(records) {
      const topic = topicKeys(keyPrefix, (records[0] as OutboundRecord).topic)
      const now = clock.wall()
      const groups: string[] = []
      const args: Argument[] = []
      for (const record of records) {
        const { group, notBefore = 0, unroutable } = record
        if (group !== undefined && !groups.includes(group)) groups.push(group)
        const whom = group === undefined ? (unroutable === 'ignore' ? '+' : '') : String(groups.indexOf(group) + 1)
        args.push(whom, notBefore > now ? String(notBefore) : '', ...encodeEntry(record))
      }
      const ofGroups = groups.flatMap((group) => [topic.only(group), topic.delayedOnly(group)])
      const head = [`${unique}:${++commands}:`, String(retainedRecords), ...groups]
      return [
        [topic.stream, topic.delayed, ...ofGroups],
        [...head, ...args],
      ]
    },
  }
}
