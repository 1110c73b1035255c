import { RedisScript } from '@comm/redis-stores/connection'

/**
 * Three keys of one service, in one slot of a Cluster: `instances` (a hash of id to JSON), `ends` (a sorted set of id by the time at which its
 * time to live is over) and `changes` (a number that grows with every change). Time is the server's own. All expire when the last instance
 * has, a while later, so that nothing is left of a service that is no more.
 */
const BEGIN = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)
-- Begins at the time, so that a server that has forgotten everything does not come by a number that somebody knows.
local function change()
  if not redis.call('SET', KEYS[3], string.format('%.0f', now), 'NX') then redis.call('INCR', KEYS[3]) end
end
for _, id in ipairs(gone) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
if #gone > 0 then change() end
local function keep()
  local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
  local ttl = 3600000 + (last[2] and math.max(0, tonumber(last[2]) - now) or 0)
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, math.ceil(ttl)) end
end
`

/** ARGV: id, JSON, time to live. */
export const REGISTER: RedisScript = new RedisScript(`${BEGIN}
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  change()
end
keep()
return 1`)

/** ARGV: id, time to live. 1: kept. */
export const RENEW: RedisScript = new RedisScript(`${BEGIN}
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
keep()
return 1`)

/** ARGV: id. */
export const DEREGISTER: RedisScript = new RedisScript(`${BEGIN}
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then
  change()
  keep()
end
return 1`)

/** ARGV: the changes that are known, or nothing. Answers the changes, and the instances where there were some. */
export const LIST: RedisScript = new RedisScript(`${BEGIN}
local changes = redis.call('GET', KEYS[3]) or '0'
if changes == ARGV[1] then return { changes } end
return { changes, redis.call('HGETALL', KEYS[1]) }`)
