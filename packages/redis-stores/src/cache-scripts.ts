import { RedisScript } from './connection/index.ts'

/**
 * An entry is a hash: `b` its body, `m` its metadata, `t` its tags. Beside the entries there are, in the same hash slot, a sorted set
 * per tag and one of all keys by their time, and one of all keys by their name. What Redis forgets by itself is swept out of these as
 * others are set, so that they do not grow; each of them ends with the last of its keys.
 */
const HELP = `
local function tagged(name) return ARGV[1] .. 't:' .. name end
local function entry(name) return ARGV[1] .. 'e:' .. name end
local names, times = ARGV[1] .. 'names', ARGV[1] .. 'times'

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function last(key, ttl)
  if redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end

local function remove(name)
  local tags = redis.call('HGET', entry(name), 't')
  if tags then
    for _, tag in ipairs(cmsgpack.unpack(tags)) do redis.call('ZREM', tagged(tag), name) end
  end
  redis.call('ZREM', names, name)
  redis.call('ZREM', times, name)
  return redis.call('DEL', entry(name))
end
`

/** ARGV: prefix, name, body, metadata, milliseconds, tags … */
export const SET: RedisScript = new RedisScript(`${HELP}
local name, ttl, at = ARGV[2], tonumber(ARGV[5]), now()
remove(name)
local tags = {}
for place = 6, #ARGV do tags[#tags + 1] = ARGV[place] end
redis.call('HSET', entry(name), 'b', ARGV[3], 'm', ARGV[4], 't', cmsgpack.pack(tags))
redis.call('PEXPIRE', entry(name), ttl)
redis.call('ZADD', names, 0, name)
redis.call('ZADD', times, at + ttl, name)
last(names, ttl)
last(times, ttl)
for _, tag in ipairs(tags) do
  redis.call('ZREMRANGEBYSCORE', tagged(tag), '-inf', at)
  redis.call('ZADD', tagged(tag), at + ttl, name)
  last(tagged(tag), ttl)
end
for _, over in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', at, 'LIMIT', 0, 20)) do
  redis.call('ZREM', names, over)
  redis.call('ZREM', times, over)
end
return 1`)

/** ARGV: prefix, name */
export const DELETE: RedisScript = new RedisScript(`${HELP}
return remove(ARGV[2])`)

/** ARGV: prefix, beginning of names */
export const DELETE_PREFIX: RedisScript = new RedisScript(`${HELP}
local from, to = '-', '+'
if ARGV[2] ~= '' then from, to = '[' .. ARGV[2], '(' .. ARGV[2] .. '\\255' end
local count = 0
for _, name in ipairs(redis.call('ZRANGEBYLEX', names, from, to)) do count = count + remove(name) end
return count`)

/** ARGV: prefix, tag. An entry that Redis had to evict may have come back without the tag. */
export const DELETE_TAG: RedisScript = new RedisScript(`${HELP}
local count = 0
for _, name in ipairs(redis.call('ZRANGE', tagged(ARGV[2]), 0, -1)) do
  local tags = redis.call('HGET', entry(name), 't')
  for _, tag in ipairs(tags and cmsgpack.unpack(tags) or {}) do
    if tag == ARGV[2] then
      count = count + remove(name)
      break
    end
  end
end
redis.call('DEL', tagged(ARGV[2]))
return count`)

/** KEYS: the claim. ARGV: token */
export const RELEASE: RedisScript = new RedisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)
