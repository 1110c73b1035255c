import { asBuffer } from '@comm/messaging/adapter'
import { RedisScript } from '@comm/redis-stores/connection'
import type { ResolvedPubSub } from '../options.ts'
import type { Dispatch } from '../publisher.ts'

/** KEYS: a channel, which tells a Cluster where. ARGV: the command, then channel and message in turn. Returns the receivers of each. */
const PUBLISH_MANY = new RedisScript(`
local receivers = {}
for at = 2, #ARGV, 2 do
  local answer = redis.pcall(ARGV[1], ARGV[at], ARGV[at + 1])
  receivers[#receivers + 1] = type(answer) == 'table' and answer.err or answer
end
return receivers`)

/** Messages go together: those of one channel where channels have their places in a Cluster, else all. */
export function channelDispatch({ keyPrefix, sharded, confirmDelivery: confirms }: ResolvedPubSub): Dispatch {
  const publish = sharded ? 'SPUBLISH' : 'PUBLISH'
  return {
    script: PUBLISH_MANY,
    confirms,
    nobody: 'it has no subscriber',
    place: ({ topic }) => (sharded ? topic : ''),
    command(records) {
      const pairs = records.flatMap(({ topic, body }) => [keyPrefix + topic, asBuffer(body)])
      return [[String(pairs[0])], [publish, ...pairs]]
    },
  }
}
