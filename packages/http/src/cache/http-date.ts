const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const TIME = '([01]\\d|2[0-3]):([0-5]\\d):([0-5]\\d|60)'
const FIXED = new RegExp(`^${DAY}, (\\d\\d) ([A-Z][a-z]{2}) (\\d{4}) ${TIME} GMT$`)
const RFC_850 = new RegExp(`^[MTWFS][a-z]+day, (\\d\\d)-([A-Z][a-z]{2})-(\\d\\d) ${TIME} GMT$`)
const ASCTIME = new RegExp(`^${DAY} ([A-Z][a-z]{2}) ([ \\d]\\d) ${TIME} (\\d{4})$`)

/**
 * Reads a date of HTTP in one of its three forms (RFC 9110 5.6.7), and no other: a date that is not one means "expired".
 * @returns epoch milliseconds
 */
export function parseHttpDate(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const fixed = FIXED.exec(text)
  if (fixed !== null) {
    const [, day, month, year, ...time] = fixed
    return epoch(Number(year), month, day, time)
  }
  const old = RFC_850.exec(text)
  if (old !== null) {
    const [, day, month, year, ...time] = old
    return epoch(fullYear(Number(year)), month, day, time)
  }
  const unix = ASCTIME.exec(text)
  if (unix === null) return undefined
  const [, month, day, hour, minute, second, year] = unix
  return epoch(Number(year), month, day, [hour, minute, second])
}

function epoch(
  year: number,
  monthName: string | undefined,
  day: string | undefined,
  [hour, minute, second]: readonly (string | undefined)[],
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? '')
  return month < 0 ? undefined : Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second))
}

/** Two digits that would lie more than 50 years ahead are in the past. */
function fullYear(twoDigits: number): number {
  const now = new Date().getUTCFullYear()
  const year = now - (now % 100) + twoDigits
  return year > now + 50 ? year - 100 : year
}
