import type { Order } from '@comm/app-order-service'
import { HttpClient } from '@comm/http'

export interface Placed {
  readonly status: number
  readonly order: Order
  readonly correlationId: string
}

/** Somebody out there with an HTTP client, who orders things. */
export class Customer implements AsyncDisposable {
  readonly #http: HttpClient

  constructor(orderServiceUrl: string) {
    this.#http = new HttpClient({ baseUrl: orderServiceUrl, throwHttpErrors: false })
  }

  async order(userId: string, amount: number, correlationId?: string): Promise<Placed> {
    const headers = correlationId === undefined ? {} : { 'x-correlation-id': correlationId }
    const response = await this.#http.post('/orders', { json: { userId, amount }, headers })
    return { status: response.status, order: response.json<Order>(), correlationId: String(response.headers['x-correlation-id']) }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#http.close()
  }
}
