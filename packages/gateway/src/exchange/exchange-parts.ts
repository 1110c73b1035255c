import type { Clock, Logger } from '@comm/core'
import type { FieldNames } from '../message/field-names.ts'
import type { Forwarding } from '../message/forwarding.ts'
import type { RouteTable } from '../routing/route-table.ts'
import type { ClientExchange } from './client-exchange.ts'

/** What all exchanges of a gateway have in common. */
export interface ExchangeParts {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly names: FieldNames
  readonly forwarding: Forwarding
  /** In lower case. */
  readonly correlationName: string
  readonly requestIdName: string
  /** The one of the configuration that holds now. */
  readonly table: RouteTable
  /** A failure of the gateway or a service that the client does not see. */
  logFailure(exchange: ClientExchange, error: unknown): void
  ended(exchange: ClientExchange): void
}
