import { RedisScript } from '@comm/redis-stores/connection'

const FIELDS = `
local function fields(body, headers, key)
  if key ~= '' then
    if headers ~= '' then return 'body', body, 'headers', headers, 'key', key end
    return 'body', body, 'key', key
  end
  if headers ~= '' then return 'body', body, 'headers', headers end
  return 'body', body
end
`

/**
 * Stores records of one topic, in order, up to the first that is refused for a reason that may pass.
 * KEYS: the stream, the delayed set; for each group that is named its own stream and its delayed set.
 * ARGV per record: how, body, headers, key; how is `e` (refuse it where there is no stream), `i` (make the stream), `d` or `l` (the same
 * later), `g` (for one group), `G` (that later). Then with `g` and `G` the group and the index of its stream in KEYS, and where it
 * is delayed the time in epoch milliseconds and a text that no other record has.
 * Returns per record 1, 0 where there was no stream, or the error, which is the last.
 */
export const PUBLISH: RedisScript = new RedisScript(`${FIELDS}
local results = {}
local at = 1
local function make_group(own, group)
  if redis.call('EXISTS', own) == 1 then return end
  redis.call('XGROUP', 'CREATE', own, group, '0', 'MKSTREAM')
  redis.pcall('XGROUP', 'CREATE', KEYS[1], group, '$', 'MKSTREAM')
  redis.call('PERSIST', KEYS[1])
end
while at <= #ARGV do
  local how, body, headers, key = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  at = at + 4
  local stored
  if how == 'e' then
    stored = redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', '*', fields(body, headers, key))
  elseif how == 'i' then
    stored = redis.pcall('XADD', KEYS[1], '*', fields(body, headers, key))
  elseif how == 'd' or how == 'l' then
    if how == 'd' and redis.call('EXISTS', KEYS[1]) == 0 then
      stored = false
    else
      stored = redis.pcall('ZADD', KEYS[2], ARGV[at], cmsgpack.pack({ARGV[at + 1], body, headers, key}))
    end
    at = at + 2
  else
    local own = tonumber(ARGV[at + 1])
    make_group(KEYS[own], ARGV[at])
    if how == 'g' then
      stored = redis.pcall('XADD', KEYS[own], '*', fields(body, headers, key))
      at = at + 2
    else
      stored = redis.pcall('ZADD', KEYS[own + 1], ARGV[at + 2], cmsgpack.pack({ARGV[at + 3], body, headers, key}))
      at = at + 4
    end
  end
  if not stored then
    results[#results + 1] = 0
  elseif type(stored) == 'table' and stored.err then
    results[#results + 1] = stored.err
    return results
  else
    results[#results + 1] = 1
  end
end
return results`)

/**
 * Moves what is due out of delayed sets into streams, each record in one step.
 * KEYS: a set and its stream, and more such pairs. ARGV: most records of a set.
 * Returns 1 when there may be more that is due.
 */
export const MOVE_DUE: RedisScript = new RedisScript(`${FIELDS}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local more = 0
for pair = 1, #KEYS, 2 do
  local due = redis.call('ZRANGEBYSCORE', KEYS[pair], '-inf', now, 'LIMIT', 0, ARGV[1])
  for _, member in ipairs(due) do
    local record = cmsgpack.unpack(member)
    redis.call('XADD', KEYS[pair + 1], '*', fields(record[2], record[3], record[4]))
    redis.call('ZREM', KEYS[pair], member)
  end
  if #due == tonumber(ARGV[1]) then more = 1 end
end
return more`)

/**
 * Removes the oldest entries beyond so many, but none that some group has not acknowledged.
 * KEYS: the stream. ARGV: how many are kept.
 */
export const TRIM: RedisScript = new RedisScript(`
local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if excess <= 0 then return 0 end
local function parts(id)
  local ms, sequence = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(sequence)
end
local floor_ms, floor_sequence
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for at = 1, #flat, 2 do group[flat[at]] = flat[at + 1] end
  local ms, sequence
  if group['pending'] > 0 then
    ms, sequence = parts(redis.call('XPENDING', KEYS[1], group['name'])[2])
  else
    ms, sequence = parts(group['last-delivered-id'])
    sequence = sequence + 1
  end
  if not floor_ms or ms < floor_ms or (ms == floor_ms and sequence < floor_sequence) then
    floor_ms, floor_sequence = ms, sequence
  end
end
if not floor_ms then return redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1]) end
local floor = string.format('%.0f-%.0f', floor_ms, floor_sequence)
return redis.call('XTRIM', KEYS[1], 'MINID', '~', floor, 'LIMIT', excess)`)
