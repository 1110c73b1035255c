import { RedisScript } from '@comm/redis-stores/connection'
import { GIVE_BACK, TABLE_OF } from './lua.ts'

const FORGOTTEN_AFTER_MS = 3_600_000

/**
 * Makes a group on a topic, unless it is there, and forgets members that hold nothing and were not seen for long.
 * KEYS: the stream, the group's own. ARGV: group, first id (`$`: only what comes).
 */
export const OPEN_GROUP: RedisScript = new RedisScript(`${TABLE_OF}
for at, start in ipairs({ARGV[2], '0'}) do
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[at], ARGV[1], start, 'MKSTREAM')
  if made.err and not string.find(made.err, 'BUSYGROUP') then return made end
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[at], ARGV[1])) do
    local consumer = table_of(flat)
    if consumer['pending'] == 0 and consumer['idle'] > ${FORGOTTEN_AFTER_MS} then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[at], ARGV[1], consumer['name'])
    end
  end
end
redis.call('PERSIST', KEYS[1])
return 1`)

/**
 * Makes sure that a stream is there for an ephemeral subscriber; one that nobody else needs expires when it is not renewed.
 * KEYS: the stream. ARGV: milliseconds. Returns the id of the last entry.
 */
export const OPEN_EPHEMERAL: RedisScript = new RedisScript(`${TABLE_OF}
local is_new = redis.call('EXISTS', KEYS[1]) == 0
if is_new then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'comm.once', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'comm.once')
end
if is_new or redis.call('PTTL', KEYS[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return table_of(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']`)

/**
 * Takes over pending entries, oldest first, a thousand at a time: Lua's stack has no room for many more. KEYS: the stream. ARGV: group, consumer, how many, least idle milliseconds, where to
 * begin (`-` or `(id`), then of whom, or nothing more: of anybody.
 * Returns the last id that was looked at (empty: no more), then per entry: id, fields, how often it was delivered before.
 */
export const CLAIM: RedisScript = new RedisScript(`
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[4], ARGV[5], '+', ARGV[3], unpack(ARGV, 6))
if #pending == 0 then return {''} end
local ids, deliveries = {}, {}
for at, each in ipairs(pending) do
  ids[at] = each[1]
  deliveries[each[1]] = each[4]
end
local found = {#pending == tonumber(ARGV[3]) and ids[#ids] or ''}
for at = 1, #ids, 1000 do
  for _, entry in ipairs(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids, at, math.min(at + 999, #ids)))) do
    if entry then found[#found + 1] = {entry[1], entry[2], tostring(deliveries[entry[1]])} end
  end
end
return found`)

/**
 * Shows that a consumer is alive, so that what it holds is not idle; and, where a group has a single active consumer, takes or keeps that
 * place. KEYS: the stream, the group's own; who is active. ARGV: group, consumer, milliseconds to keep the place.
 * Returns 0 when another one is active.
 */
export const RENEW: RedisScript = new RedisScript(`
if KEYS[3] then
  local active = redis.call('GET', KEYS[3])
  if active and active ~= ARGV[2] then return 0 end
  redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
end
for at = 1, 2 do
  local from = '-'
  repeat
    local mine = redis.call('XPENDING', KEYS[at], ARGV[1], from, '+', 1000, ARGV[2])
    local ids = {}
    for _, each in ipairs(mine) do ids[#ids + 1] = each[1] end
    if #ids > 0 then
      from = '(' .. ids[#ids]
      ids[#ids + 1] = 'JUSTID'
      redis.call('XCLAIM', KEYS[at], ARGV[1], ARGV[2], 0, unpack(ids))
    end
  until #mine < 1000
end
return 1`)

/**
 * Gives back to the group what a consumer holds, so that others claim it at once. KEYS: the stream; who is active. ARGV: group, consumer,
 * what (`fetched`: was never handed over, and does not count as delivered; `requeued`; `all`: the consumer leaves), ids that it keeps.
 */
export const RELEASE: RedisScript = new RedisScript(`${GIVE_BACK}
local what, kept = ARGV[3], {}
for at = 4, #ARGV do kept[ARGV[at]] = true end
for _, each in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000, ARGV[2])) do
  if not kept[each[1]] then give_back(KEYS[1], ARGV[1], each[1], what == 'fetched' and each[4] - 1 or each[4]) end
end
if what == 'all' then
  if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
  end
  if redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[2]) end
end
return 1`)

/** Acknowledges entries of a group's own stream, where nobody else needs them. KEYS: the stream. ARGV: group, ids. Returns how many. */
export const ACK_OWN: RedisScript = new RedisScript(`local removed = 0
for at = 2, #ARGV do redis.call('XACK', KEYS[1], ARGV[1], ARGV[at]); removed = removed + redis.call('XDEL', KEYS[1], ARGV[at]) end
return removed`)
