import type { RouteConfig } from './route-config.ts'
import type { ServiceConfig } from './service-config.ts'

/** What may change while the gateway runs: where requests go, and under what conditions. */
export interface GatewayConfig {
  /** By name; a URL alone, or more about it. */
  readonly services: Readonly<Record<string, string | ServiceConfig>>
  /** Beside the automatic routes of the services, and before them where they have the same path. @default [] */
  readonly routes?: readonly RouteConfig[]
  /** Before the automatic routes' own part of the path. @default '/api/v1' */
  readonly prefix?: string
}
