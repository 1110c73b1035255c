import { object, oneOf, type Rules, secret } from '@comm/core/options'
import { type CommonServerOptions, sourcesRule } from '../common-options.ts'

export interface KafkaServerOptions extends CommonServerOptions {
  /**
   * Users by name with their passwords. Given, there is a listener `urls.sasl` that takes them by PLAIN, SCRAM-SHA-256 and
   * SCRAM-SHA-512, and unsigned tokens by OAUTHBEARER; `url` stays open to everybody.
   */
  readonly users?: Readonly<Record<string, string>>
  /** A listener with TLS, `urls.tls`, and with `users` one with both, `urls.saslTls`. `mutual` asks for certificates. @default false */
  readonly tls?: boolean | 'mutual'
  /** Lines for server.properties, by key. @default {} */
  readonly config?: Readonly<Record<string, string>>
}

export const KAFKA_SERVER_DEFAULTS: Readonly<Required<Omit<KafkaServerOptions, 'sources'>>> = Object.freeze({
  users: Object.freeze({}),
  tls: false,
  config: Object.freeze({}),
})

export const KAFKA_SERVER_RULES: Rules<KafkaServerOptions> = {
  sources: sourcesRule,
  users: secret(object),
  tls: oneOf(true, false, 'mutual'),
  config: object,
}
