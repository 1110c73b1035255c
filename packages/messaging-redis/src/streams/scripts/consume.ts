import { RedisScript } from '@comm/redis-stores/connection'

/** Owns, for a group, what its members gave back. Whoever looks for stuck entries takes them from it at once. */
export const RELEASED = 'comm.released'
/** So idle that everybody may claim it; ten years, because Redis takes no time before 1970. */
export const RELEASED_IDLE_MS: string = String(10 * 365 * 86_400_000)

/**
 * Makes a group on a topic, unless it is there. KEYS: the stream, the group's own. ARGV: group, first id (`$`: only what comes).
 */
export const OPEN_GROUP: RedisScript = new RedisScript(`
local function create(key, start, ...)
  local made = redis.pcall('XGROUP', 'CREATE', key, ARGV[1], start, 'MKSTREAM', ...)
  if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP') then return made end
end
local read = '0'
if ARGV[2] == '$' and redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
  if info.err then return info end
  for at = 1, #info, 2 do if info[at] == 'entries-added' then read = info[at + 1] end end
end
local failed
if ARGV[2] == '$' or ARGV[2] == '0' then
  failed = create(KEYS[1], ARGV[2], 'ENTRIESREAD', read)
else
  failed = create(KEYS[1], ARGV[2])
end
failed = failed or create(KEYS[2], '0')
if failed then return failed end
redis.call('PERSIST', KEYS[1])
return 1`)

/**
 * Makes sure that a stream is there for an ephemeral subscriber; one that nobody else needs expires when it is not renewed.
 * KEYS: the stream. ARGV: milliseconds. Returns the id of the last entry.
 */
export const OPEN_EPHEMERAL: RedisScript = new RedisScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'comm.once', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'comm.once')
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
elseif redis.call('PTTL', KEYS[1]) > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for at = 1, #info, 2 do if info[at] == 'last-generated-id' then return info[at + 1] end end`)

/**
 * Takes over pending entries, oldest first. KEYS: the stream. ARGV: group, consumer, how many, least idle milliseconds, where to
 * begin (`-` or `(id`), of whom (empty: of anybody).
 * Returns the last id that was looked at (empty: no more), then per entry: id, how often it was delivered before, fields.
 */
export const CLAIM: RedisScript = new RedisScript(`
local ask = {'XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[4], ARGV[5], '+', ARGV[3]}
if ARGV[6] ~= '' then ask[9] = ARGV[6] end
local pending = redis.call(unpack(ask))
if #pending == 0 then return {''} end
local ids, deliveries = {}, {}
for at, each in ipairs(pending) do
  ids[at] = each[1]
  deliveries[each[1]] = each[4]
end
local found = {#pending == tonumber(ARGV[3]) and ids[#ids] or ''}
for _, entry in ipairs(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))) do
  if entry then found[#found + 1] = {entry[1], tostring(deliveries[entry[1]]), entry[2]} end
end
return found`)

/**
 * Shows that a consumer is alive: what it holds is not idle. KEYS: the stream. ARGV: group, consumer.
 */
export const RENEW: RedisScript = new RedisScript(`
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 5000, ARGV[2])
if #mine == 0 then return 0 end
local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0}
for _, each in ipairs(mine) do claim[#claim + 1] = each[1] end
claim[#claim + 1] = 'JUSTID'
redis.call(unpack(claim))
return #mine`)

/**
 * Gives entries back to the group, so that others claim them at once. An entry that was never handed over does not count as
 * delivered. KEYS: the stream. ARGV: group, consumer, 'all' (everything that the consumer holds; the consumer leaves) or 'some'; then
 * ids, each with how often it was delivered.
 */
export const RELEASE: RedisScript = new RedisScript(`
local counts = {}
for at = 4, #ARGV, 2 do counts[ARGV[at]] = ARGV[at + 1] end
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 100000, ARGV[2])
for _, each in ipairs(mine) do
  local count = counts[each[1]]
  if count or ARGV[3] == 'all' then
    redis.call('XCLAIM', KEYS[1], ARGV[1], '${RELEASED}', 0, each[1], 'IDLE', '${RELEASED_IDLE_MS}', 'RETRYCOUNT', count or each[4], 'JUSTID')
  end
end
if ARGV[3] == 'all' and #mine < 100000 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return 1`)

/** Acknowledges entries of a group's own stream, where nobody else needs them. KEYS: the stream. ARGV: group, ids. */
export const ACK_OWN: RedisScript = new RedisScript(`
redis.call('XACK', KEYS[1], unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))`)

/** Takes or keeps the place of the one active consumer. KEYS: who is active. ARGV: token, milliseconds. Returns 1 for the active one. */
export const ACTIVATE: RedisScript = new RedisScript(`
local active = redis.call('GET', KEYS[1])
if active and active ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

/** KEYS: who is active. ARGV: token. */
export const DEACTIVATE: RedisScript = new RedisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

/** Forgets consumers that hold nothing and were not seen for long. KEYS: the stream. ARGV: group, milliseconds. */
export const FORGET_CONSUMERS: RedisScript = new RedisScript(`
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for at = 1, #flat, 2 do consumer[flat[at]] = flat[at + 1] end
  if consumer['pending'] == 0 and consumer['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
  end
end
return 1`)
