/** A SPIFFE identity, such as `spiffe://prod.example.com/billing/api`. */
export interface SpiffeId {
  readonly trustDomain: string
  /** Begins with a slash. */
  readonly path: string
}

/** SPIFFE-ID specification, section 2: lower-case trust domain, path segments that are not empty, `.` or `..`, no port, query, fragment. */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/
/** Section 2.3. */
const LONGEST = 2048

/** @returns undefined when it is none */
export function parseSpiffeId(uri: string): SpiffeId | undefined {
  const match = uri.length <= LONGEST ? SPIFFE_ID.exec(uri) : null
  if (match === null) return undefined
  const [, trustDomain = '', path = ''] = match
  return path.split('/').some((segment) => segment === '.' || segment === '..') ? undefined : { trustDomain, path }
}
