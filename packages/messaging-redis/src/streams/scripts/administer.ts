import { RedisScript } from '@comm/redis-stores/connection'
import { RELEASED, RELEASED_IDLE_MS } from './consume.ts'

const GROUP_INFO = `
local function group_info(key, name)
  if redis.call('EXISTS', key) == 0 then return nil end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local group = {}
    for at = 1, #flat, 2 do group[flat[at]] = flat[at + 1] end
    if group['name'] == name then return group end
  end
end
local function unread(key, group)
  if group['lag'] then return group['lag'] end
  local count, last = 0, group['last-delivered-id']
  while true do
    local some = redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', 1000)
    count = count + #some
    if #some < 1000 then return count end
    last = some[#some][1]
  end
end
`

/** Counts what a group has not settled. KEYS: the stream, the delayed set, the group's own stream and set. ARGV: group. */
export const LAG: RedisScript = new RedisScript(`${GROUP_INFO}
local count = redis.call('ZCARD', KEYS[4])
local shared = group_info(KEYS[1], ARGV[1])
if shared then count = count + shared['pending'] + unread(KEYS[1], shared) + redis.call('ZCARD', KEYS[2]) end
local own = group_info(KEYS[3], ARGV[1])
if own then count = count + own['pending'] + unread(KEYS[3], own) end
return count`)

/** The oldest unsettled entries of a group. KEYS: the stream. ARGV: group, how many. Returns id and fields of each. */
export const BROWSE: RedisScript = new RedisScript(`${GROUP_INFO}
local group = group_info(KEYS[1], ARGV[1])
if not group then return {} end
local found = {}
for _, each in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[2])) do
  local entry = redis.call('XRANGE', KEYS[1], each[1], each[1])[1]
  if entry then found[#found + 1] = entry end
end
local wanted = tonumber(ARGV[2]) - #found
if wanted > 0 then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', wanted)) do
    found[#found + 1] = entry
  end
end
return found`)

/**
 * Acknowledges entries on behalf of a group. Those that nobody has read yet are read first, with all before them, which are then given
 * back. KEYS: the stream. ARGV: group, ids. Returns how many there were.
 */
export const REMOVE: RedisScript = new RedisScript(`${GROUP_INFO}
local name = ARGV[1]
local group = group_info(KEYS[1], name)
if not group then return 0 end
local function after(one, other)
  local ms, sequence = string.match(one, '(%d+)-(%d+)')
  local other_ms, other_sequence = string.match(other, '(%d+)-(%d+)')
  ms, sequence, other_ms, other_sequence = tonumber(ms), tonumber(sequence), tonumber(other_ms), tonumber(other_sequence)
  return ms > other_ms or (ms == other_ms and sequence > other_sequence)
end
local last, highest = group['last-delivered-id'], '0-0'
for at = 2, #ARGV do
  local id = ARGV[at]
  if after(id, highest) and #redis.call('XRANGE', KEYS[1], id, id) == 1 then highest = id end
end
while after(highest, last) do
  local read = redis.call('XREADGROUP', 'GROUP', name, '${RELEASED}', 'COUNT', 100, 'STREAMS', KEYS[1], '>')
  if not read then break end
  for _, entry in ipairs(read[1][2]) do
    last = entry[1]
    redis.call('XCLAIM', KEYS[1], name, '${RELEASED}', 0, last, 'IDLE', '${RELEASED_IDLE_MS}', 'RETRYCOUNT', 0, 'JUSTID')
  end
end
local removed = 0
for at = 2, #ARGV do removed = removed + redis.call('XACK', KEYS[1], name, ARGV[at]) end
return removed`)

/** Settles everything for a group. KEYS: the stream, the group's own stream and delayed set. ARGV: group. Returns how many. */
export const PURGE: RedisScript = new RedisScript(`${GROUP_INFO}
local count = redis.call('ZCARD', KEYS[3])
redis.call('DEL', KEYS[3])
for at = 1, 2 do
  local group = group_info(KEYS[at], ARGV[1])
  if group then
    count = count + group['pending'] + unread(KEYS[at], group)
    while true do
      local pending = redis.call('XPENDING', KEYS[at], ARGV[1], '-', '+', 1000)
      for _, each in ipairs(pending) do redis.call('XACK', KEYS[at], ARGV[1], each[1]) end
      if #pending < 1000 then break end
    end
    redis.call('XGROUP', 'SETID', KEYS[at], ARGV[1], '$')
    if at == 2 then redis.call('XTRIM', KEYS[at], 'MAXLEN', 0) end
  end
end
return count`)
