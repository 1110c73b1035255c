import type { ClientExchange } from '../exchange/client-exchange.ts'

/** Something that is done with each request of a route before it goes to the service. Steps run in the order of the route's list. */
export interface RouteStep {
  readonly name: string
  /** @returns true: the step answers the request itself. What it throws is answered as a problem document */
  enter(exchange: ClientExchange): boolean | Promise<boolean>
  /** Looks at the fields of the answer, names and values in turn, and gives those that the client gets. */
  answer?(fields: string[], exchange: ClientExchange): string[]
}
