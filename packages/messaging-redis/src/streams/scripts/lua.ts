/** Functions that several scripts begin with. */

/** The reply of an `XINFO` command as a table. */
export const TABLE_OF = `
local function table_of(flat)
  local found = {}
  for at = 1, #flat, 2 do found[flat[at]] = flat[at + 1] end
  return found
end
`

/** What a group's consumers gave back belongs to this one. Whoever looks for stuck entries takes them from it at once. */
export const RELEASED = 'comm.released'

/** Makes an entry anybody's: so idle that all may claim it; ten years, because Redis takes no time before 1970. */
export const GIVE_BACK: string = `
local function give_back(key, group, id, deliveries)
  return redis.call('XCLAIM', key, group, '${RELEASED}', 0, id, 'IDLE', '${10 * 365 * 86_400_000}', 'RETRYCOUNT', deliveries, 'JUSTID')
end
`
