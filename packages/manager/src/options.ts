import type { HealthReport, HttpCaller, Logger, ManagerComponents, Messenger, StopReport } from '@comm/core'
import { callable, checkOptions, object, type Rules } from '@comm/core/options'
import type { ManagedClient } from './client-component.ts'

/** With `@comm/http` imported, its client; else what every HTTP client can do. */
export type ManagedHttp = ManagerComponents extends { readonly http: infer Client } ? Client : HttpCaller

/** With `@comm/messaging` imported, its client; else what every broker client can do. */
export type ManagedMessaging = ManagerComponents extends { readonly messaging: infer Client } ? Client : Messenger

export interface ManagerOptions {
  /**
   * Clients made elsewhere, by component name (`http`, `messaging`, `http:billing`); each takes the place of the one that the
   * configuration describes, and is started and stopped with the rest.
   */
  readonly components?: Readonly<Record<string, ManagedClient>>
  /** @default that of `@comm/logging` as configured, where it is installed; else silent */
  readonly logger?: Logger
  /** Called once everything has started. An error it throws stops the manager again. */
  readonly onStartup?: () => void | Promise<void>
  /** Called when the stop has ended. */
  readonly onShutdown?: (report: StopReport) => void | Promise<void>
  /** Called when a health check finds the whole or a component in another state than the check before. */
  readonly onHealthChange?: (report: HealthReport) => void
}

const RULES: Rules<ManagerOptions> = {
  components: object,
  logger: { ...object, expected: 'a Logger, such as createLogger() of @comm/logging makes' },
  onStartup: callable,
  onShutdown: callable,
  onHealthChange: callable,
}

export function checkManagerOptions(options: ManagerOptions): void {
  checkOptions<ManagerOptions>('CommunicationManager', options, RULES)
}
