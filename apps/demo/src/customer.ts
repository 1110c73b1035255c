import type { Order } from '@comm/app-order-service'
import { HttpClient } from '@comm/http'

export interface Placed {
  readonly status: number
  readonly order: Order
  readonly correlationId: string
}

/** Somebody out there with an HTTP client, who orders things at the gateway. */
export class Customer implements AsyncDisposable {
  readonly #http: HttpClient

  /** @param token of the identity provider; without one the gateway lets nobody in */
  constructor(gatewayUrl: string, token?: string) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    this.#http = new HttpClient({ baseUrl: gatewayUrl, headers, throwHttpErrors: false })
  }

  async order(userId: string, amount: number, correlationId?: string): Promise<Placed> {
    const headers = correlationId === undefined ? {} : { 'x-correlation-id': correlationId }
    const response = await this.#http.post('/api/v1/orders', { json: { userId, amount }, headers })
    return { status: response.status, order: response.json<Order>(), correlationId: String(response.headers['x-correlation-id']) }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#http.close()
  }
}
