import { RedisScript } from '@comm/redis-stores/connection'
import { TABLE_OF } from './lua.ts'

const ADD = `
local function add(key, option, body, headers, key_field)
  local entry = {'XADD', key, '*', 'body', body}
  if option ~= '' then entry = {'XADD', key, option, '*', 'body', body} end
  if headers ~= '' then entry[#entry + 1] = 'headers'; entry[#entry + 1] = headers end
  if key_field ~= '' then entry[#entry + 1] = 'key'; entry[#entry + 1] = key_field end
  return redis.pcall(unpack(entry))
end
`

/**
 * Stores records of one topic, in order, up to the first that is refused for a reason that may pass. A group that is named and not there
 * is made, so that what is for it waits.
 * KEYS: the stream, the delayed set; for each group that is named its own stream and its delayed set.
 * ARGV: a text that no other command has; how many entries a stream without groups keeps; the groups; then per record for whom (empty:
 * whoever there is; `+`: the same, though there is no stream yet; or a group, counted from 1), not before when (epoch milliseconds, or
 * empty), body, headers, key.
 * Returns per record 1, 0 where there was no stream, or the error, which is the last.
 */
export const PUBLISH: RedisScript = new RedisScript(`${ADD}
local groups = #KEYS / 2 - 1
for at = 1, groups do
  local own = KEYS[at * 2 + 1]
  if redis.call('EXISTS', own) == 0 then
    redis.call('XGROUP', 'CREATE', own, ARGV[at + 2], '0', 'MKSTREAM')
    redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[at + 2], '$', 'MKSTREAM')
    redis.call('PERSIST', KEYS[1])
  end
end
local results, has_ignored = {}, false
for at = groups + 3, #ARGV, 5 do
  local whom, due, body, headers, key = unpack(ARGV, at, at + 4)
  local group = tonumber(whom) or 0
  local stream, delayed = KEYS[group * 2 + 1], KEYS[group * 2 + 2]
  local stored = false
  if due == '' then
    stored = add(stream, whom == '' and 'NOMKSTREAM' or '', body, headers, key)
  elseif whom ~= '' or redis.call('EXISTS', stream) == 1 then
    stored = redis.pcall('ZADD', delayed, due, cmsgpack.pack({ARGV[1] .. at, body, headers, key}))
  end
  if type(stored) == 'table' and stored.err then
    results[#results + 1] = stored.err
    return results
  end
  results[#results + 1] = stored and 1 or 0
  has_ignored = has_ignored or whom == '+'
end
if has_ignored and #redis.call('XINFO', 'GROUPS', KEYS[1]) == 0 then redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[2]) end
return results`)

/**
 * Moves what is due out of delayed sets into streams, each record in one step.
 * KEYS: a set and its stream, and more such pairs. ARGV: most records of a set.
 * Returns 1 when there may be more that is due.
 */
export const MOVE_DUE: RedisScript = new RedisScript(`${ADD}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local more = 0
for pair = 1, #KEYS, 2 do
  local due = redis.call('ZRANGEBYSCORE', KEYS[pair], '-inf', now, 'LIMIT', 0, ARGV[1])
  for _, member in ipairs(due) do
    local record = cmsgpack.unpack(member)
    local added = add(KEYS[pair + 1], '', record[2], record[3], record[4])
    if type(added) == 'table' then return added end
    redis.call('ZREM', KEYS[pair], member)
  end
  if #due == tonumber(ARGV[1]) then more = 1 end
end
return more`)

/**
 * Removes the oldest entries beyond so many, but none that some group has not acknowledged.
 * KEYS: the stream. ARGV: how many are kept.
 */
export const TRIM: RedisScript = new RedisScript(`${TABLE_OF}
local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if excess <= 0 then return 0 end
local floor
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = table_of(flat)
  local first = group['last-delivered-id']
  if group['pending'] > 0 then first = redis.call('XPENDING', KEYS[1], group['name'])[2] end
  if first == '0-0' then return 0 end
  if not floor or #redis.call('XRANGE', KEYS[1], first, '(' .. floor, 'COUNT', 1) > 0 then floor = first end
end
if not floor then return redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1]) end
return redis.call('XTRIM', KEYS[1], 'MINID', '~', floor, 'LIMIT', excess)`)
