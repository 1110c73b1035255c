import type { Principal } from '@comm/core'

/** A request as functions of a configuration see it. */
export interface GatewayRequest {
  readonly method: string
  /** As it was written, without the query. */
  readonly pathname: string
  /** With its question mark; empty when there is none. */
  readonly search: string
  /** As the client named it. */
  readonly host: string
  readonly correlationId: string
  readonly requestId: string
  /** Of the client, behind trusted proxies too. */
  readonly clientAddress: string
  /** Who asks, where `auth` has established it. */
  readonly principal: Principal | undefined
  /** A field of the request. @param name in lower case */
  header(name: string): string | undefined
}
