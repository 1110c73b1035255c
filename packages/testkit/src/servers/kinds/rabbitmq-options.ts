import { arrayOf, nonEmptyText, object, oneOf, type Rules, secret } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'

export interface RabbitMQServerOptions extends CommonServerOptions {
  /** Further users by name, with their passwords, administrators of every vhost; `guest` with `guest` is always there. */
  readonly users?: Readonly<Record<string, string>>
  /** Further virtual hosts; `/` is always there. */
  readonly vhosts?: readonly string[]
  /** Listen with TLS on a second port: `urls.tls`. `mutual` asks clients for a certificate. @default false */
  readonly tls?: boolean | 'mutual'
  /** To enable: `rabbitmq_management` … Each costs start time. @default [] */
  readonly plugins?: readonly string[]
  /** Lines for rabbitmq.conf, by key. @default {} */
  readonly config?: Readonly<Record<string, string>>
}

export const RABBITMQ_SERVER_DEFAULTS: Readonly<Required<Omit<RabbitMQServerOptions, 'sources'>>> = Object.freeze({
  users: Object.freeze({}),
  vhosts: Object.freeze([]),
  tls: false,
  plugins: Object.freeze([]),
  config: Object.freeze({}),
})

export const RABBITMQ_SERVER_RULES: Rules<RabbitMQServerOptions> = {
  sources: sourcesRule,
  users: secret(object),
  vhosts: arrayOf(nonEmptyText),
  tls: oneOf(true, false, 'mutual'),
  plugins: arrayOf(nonEmptyText),
  config: object,
}
