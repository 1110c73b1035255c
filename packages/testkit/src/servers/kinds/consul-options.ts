import { nonEmptyText, oneOf, type Rules, secret } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'

export interface ConsulServerOptions extends CommonServerOptions {
  /** Turns its access control on, and denies everything that no token allows; this one allows everything. @default none: off */
  readonly token?: string
  /** Listen with TLS on a second port: `urls.tls`. `mutual` asks clients for a certificate. @default false */
  readonly tls?: boolean | 'mutual'
}

export const CONSUL_SERVER_RULES: Rules<ConsulServerOptions> = {
  sources: sourcesRule,
  token: secret(nonEmptyText),
  tls: oneOf(true, false, 'mutual'),
}
