import { arrayOf, boolean, nonEmptyText, oneOf, type Rules, secret } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'

export interface RedisServerOptions extends CommonServerOptions {
  /** Keep the data on disk. A process that is killed loses nothing either way it is synchronised. @default true */
  readonly appendonly?: boolean
  /** When the data is forced to the disk: what a power cut loses. @default 'everysec' */
  readonly appendfsync?: 'always' | 'everysec' | 'no'
  /** Of the default user; without one nobody need log in. */
  readonly password?: string
  /** Rules of further users, as `ACL SETUSER` takes them: `alice on >secret ~orders:* +@read`. */
  readonly acl?: readonly string[]
  /** Listen with TLS on a second port: `urls.tls`. `mutual` asks clients for a certificate. @default false */
  readonly tls?: boolean | 'mutual'
}

export const REDIS_SERVER_DEFAULTS: Readonly<{
  appendonly: boolean
  appendfsync: 'everysec'
  tls: false
  acl: readonly string[]
}> = Object.freeze({ appendonly: true, appendfsync: 'everysec', tls: false, acl: Object.freeze([]) })

export const REDIS_SERVER_RULES: Rules<RedisServerOptions> = {
  sources: sourcesRule,
  appendonly: boolean,
  appendfsync: oneOf('always', 'everysec', 'no'),
  password: secret(nonEmptyText),
  acl: secret(arrayOf(nonEmptyText)),
  tls: oneOf(true, false, 'mutual'),
}
