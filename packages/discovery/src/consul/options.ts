import { type Clock, systemClock } from '@comm/core'
import { callable, checkOptions, nonEmptyText, number, secret, withDefaults, withMethods } from '@comm/core/options'
import { checkTls } from '@comm/core/tls'
import { REGISTRY_SERVER_DEFAULTS, REGISTRY_SERVER_RULES, type RegistryServerOptions } from '../adapter/server-options.ts'
import type { ServiceInstance } from '../registry.ts'

/** How Consul asks an instance itself whether it is well (https://developer.hashicorp.com/consul/docs/services/usage/checks). */
export interface ConsulHttpCheck {
  /** Answers 2xx when it is well: `http://10.0.0.5:8080/health`, as the agent reaches it. */
  readonly url: string
  /** @default 10000 */
  readonly intervalMs?: number
  /** @default 5000 */
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Take any certificate. @default false */
  readonly skipTlsVerify?: boolean
}

export interface ConsulOptions extends RegistryServerOptions {
  /** ACL token: `service:write` for what is registered, `service:read` and `node:read` for what is looked up. */
  readonly token?: string
  /** The datacenter that is asked. @default the agent's */
  readonly datacenter?: string
  /** How long a blocking query waits for a change. Short, so that a registry that is gone without a word is found before a time to live is over. @default 5000 */
  readonly waitMs?: number
  /** When an instance that is critical is removed for good; Consul's least is a minute. @default 60000 */
  readonly deregisterAfterMs?: number
  /** A check that Consul makes beside the heartbeat: an instance is listed when both say that it is well. @default none */
  readonly check?: (instance: ServiceInstance) => ConsulHttpCheck | undefined
  /** @default systemClock */
  readonly clock?: Clock
}

type Defaulted = 'host' | 'port' | 'ssl' | 'requestTimeoutMs' | 'waitMs' | 'deregisterAfterMs' | 'clock'

export const CONSUL_DEFAULTS: Readonly<Required<Pick<ConsulOptions, Defaulted>>> = Object.freeze({
  ...REGISTRY_SERVER_DEFAULTS,
  port: 8500,
  waitMs: 5000,
  deregisterAfterMs: 60_000,
  clock: systemClock,
})

export type ResolvedConsul = ConsulOptions & Required<Pick<ConsulOptions, Defaulted>>

const LEAST_WAIT_MS = 100
const LEAST_DEREGISTER_MS = 60_000

/** @throws ConfigurationError */
export function resolveConsul(options: ConsulOptions): ResolvedConsul {
  checkOptions<ConsulOptions>('ConsulRegistry', options, {
    ...REGISTRY_SERVER_RULES,
    token: secret(nonEmptyText),
    datacenter: nonEmptyText,
    waitMs: number({ min: LEAST_WAIT_MS, max: 600_000 }),
    deregisterAfterMs: number({ min: LEAST_DEREGISTER_MS }),
    check: callable,
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  const resolved = withDefaults<ConsulOptions, Defaulted>(CONSUL_DEFAULTS, options)
  checkTls('ConsulRegistry.ssl', resolved.ssl)
  return Object.freeze(resolved)
}
