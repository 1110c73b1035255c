/** What stands where a secret was. */
export const REDACTED = '[redacted]'

/** Anywhere in a key, with case and separators taken out: `DB_PASSWORD`, `clientSecretFile`. */
const SECRET_PART = /password|passwd|passphrase|secret|credential|authorization|apikey|privatekey|cardnumber/
/** Only at the end of a key: `accessToken` is one, `tokenEndpoint` and `cookieCount` are not. */
const SECRET_END = /(?:tokens?|cookies?|accesskey|signingkey|encryptionkey|sessionid|jwt|pwd|cvv|cvc|basicauth)$|^auth$/
const NOT_A_LETTER = /[^a-z0-9]/g

/** Whether a value under this key is a secret, told by the key alone: `x-api-key`, `refresh_token`, `Set-Cookie`. */
export function isSecretKey(key: string): boolean {
  const plain = key.toLowerCase().replace(NOT_A_LETTER, '')
  return SECRET_PART.test(plain) || SECRET_END.test(plain)
}

/**
 * The user information of a URL (RFC 3986, 3.2.1), greedy because careless passwords hold an `@`; and what only looks like
 * it: `user:pass/word@host`, whose `/` should have been encoded, but not a port and a path with an `@`.
 */
const USER_INFORMATION = /([a-z][a-z0-9+.-]{0,31}:\/\/)(?:[^\s/?#"'<>]*|[^\s/?#@:]*:(?!\d+[/?#])[^\s"'<>]{0,256})@/gi
const QUERY_PARAMETER = /([?&#;]([a-z0-9_.-]{1,64})=)[^\s&#;"'<>]+/gi
/** Credentials of an Authorization header (RFC 9110, 11.4) in the middle of a text; `Basic authentication` are words. */
const SCHEME_AND_CREDENTIALS = /\b([Bb]earer|[Bb]asic)\s+(?=[A-Za-z]?[a-z]*[A-Z0-9+/_=])[A-Za-z0-9._~+/-]{8,}=*/g

/**
 * Takes credentials out of a text for people: user names and passwords in URLs, query parameters named like secrets,
 * `Bearer` and `Basic` credentials. The rest stays as it is. Linear in the length of the text.
 */
export function redactCredentials(text: string): string {
  let clean = text
  if (clean.includes('://') && clean.includes('@')) clean = clean.replace(USER_INFORMATION, `$1${REDACTED}@`)
  if (clean.includes('=')) {
    clean = clean.replace(QUERY_PARAMETER, (whole: string, start: string, name: string) =>
      isSecretKey(name) ? start + REDACTED : whole,
    )
  }
  return clean.includes('earer') || clean.includes('asic') ? clean.replace(SCHEME_AND_CREDENTIALS, `$1 ${REDACTED}`) : clean
}
