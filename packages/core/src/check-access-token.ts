import { AuthenticationError } from './errors/errors.ts'
import type { AccessToken } from './token-source.ts'

const HEADER_VALUE = /^[\x21-\x7e]+$/
const ONE_WORD = /^[\w!#$%&'*+.^`|~-]+$/

/** A token comes from others, and ends in a header. The value itself is never shown. @throws AuthenticationError for what is none */
export function checkAccessToken(token: unknown): asserts token is AccessToken {
  const { value, type, expiresAt } = (token ?? {}) as Readonly<Record<string, unknown>>
  let problem: string | undefined
  if (typeof value !== 'string' || !HEADER_VALUE.test(value)) problem = 'its value must be text of visible ASCII characters'
  else if (typeof type !== 'string' || !ONE_WORD.test(type)) problem = 'its type must be one word such as Bearer'
  else if (expiresAt !== undefined && !Number.isFinite(expiresAt)) problem = 'its expiresAt must be epoch milliseconds'
  if (problem !== undefined) throw new AuthenticationError(`what was fetched is no access token: ${problem}`)
}
