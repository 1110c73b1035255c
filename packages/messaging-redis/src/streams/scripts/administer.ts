import { RedisScript } from '@comm/redis-stores/connection'
import { GIVE_BACK, RELEASED, TABLE_OF } from './lua.ts'

const GROUP_INFO = `${TABLE_OF}
local function group_info(key, name)
  if redis.call('EXISTS', key) == 0 then return nil end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local group = table_of(flat)
    if group['name'] == name then return group end
  end
end
local function unsettled(key, group)
  if group['lag'] then return group['pending'] + group['lag'] end
  local count, last = group['pending'], group['last-delivered-id']
  repeat
    local some = redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', 1000)
    count = count + #some
    if #some > 0 then last = some[#some][1] end
  until #some < 1000
  return count
end
`

/** Counts what a group has not settled, and what is due. KEYS: the stream, the delayed set, the group's own stream and set. ARGV: group. */
export const LAG: RedisScript = new RedisScript(`${GROUP_INFO}
local now = redis.call('TIME')[1] * 1000
local count = redis.call('ZCOUNT', KEYS[4], '-inf', now)
local shared = group_info(KEYS[1], ARGV[1])
if shared then count = count + unsettled(KEYS[1], shared) + redis.call('ZCOUNT', KEYS[2], '-inf', now) end
local own = group_info(KEYS[3], ARGV[1])
if own then count = count + unsettled(KEYS[3], own) end
return count`)

/**
 * The oldest unsettled entries of a group. KEYS: the stream, the group's own. ARGV: group, how many. Returns id and fields of each, a list
 * for either stream.
 */
export const BROWSE: RedisScript = new RedisScript(`${GROUP_INFO}
local lists = {}
for at, key in ipairs(KEYS) do
  local group, found = group_info(key, ARGV[1]), {}
  lists[at] = found
  if group then
    for _, each in ipairs(redis.call('XPENDING', key, ARGV[1], '-', '+', ARGV[2])) do
      found[#found + 1] = redis.call('XRANGE', key, each[1], each[1])[1]
    end
    local rest = ARGV[2] - #found
    if rest > 0 then
      for _, entry in ipairs(redis.call('XRANGE', key, '(' .. group['last-delivered-id'], '+', 'COUNT', rest)) do
        found[#found + 1] = entry
      end
    end
  end
end
return lists`)

/**
 * Acknowledges entries on behalf of a group. Those that nobody has read yet are read first, with all before them, which are then given
 * back. KEYS: the stream. ARGV: group, ids. Returns how many there were.
 */
export const REMOVE: RedisScript = new RedisScript(`${GROUP_INFO}${GIVE_BACK}
local key, name = KEYS[1], ARGV[1]
local group = group_info(key, name)
if not group then return 0 end
local last, removed = group['last-delivered-id'], 0
for at = 2, #ARGV do
  local id = ARGV[at]
  while #redis.call('XRANGE', key, id, id) == 1 and #redis.call('XRANGE', key, '(' .. last, id, 'COUNT', 1) == 1 do
    for _, entry in ipairs(redis.call('XREADGROUP', 'GROUP', name, '${RELEASED}', 'COUNT', 100, 'STREAMS', key, '>')[1][2]) do
      last = entry[1]
      give_back(key, name, last, 0)
    end
  end
  removed = removed + redis.call('XACK', key, name, id)
end
return removed`)

/** Settles everything for a group. KEYS: the stream, the group's own stream and delayed set. ARGV: group. Returns how many. */
export const PURGE: RedisScript = new RedisScript(`${GROUP_INFO}
local count = redis.call('ZCARD', KEYS[3])
redis.call('DEL', KEYS[3])
for at = 1, 2 do
  local group = group_info(KEYS[at], ARGV[1])
  if group then
    count = count + unsettled(KEYS[at], group)
    repeat
      local pending = redis.call('XPENDING', KEYS[at], ARGV[1], '-', '+', 1000)
      for _, each in ipairs(pending) do redis.call('XACK', KEYS[at], ARGV[1], each[1]) end
    until #pending < 1000
    redis.call('XGROUP', 'SETID', KEYS[at], ARGV[1], '$')
    if at == 2 then redis.call('XTRIM', KEYS[at], 'MAXLEN', 0) end
  end
end
return count`)
