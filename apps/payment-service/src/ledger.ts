export interface Payment {
  readonly orderId: string
  readonly amount: number
}

/** Payments by order: the same order is never charged twice, however often it is asked for. */
export class Ledger {
  readonly #payments = new Map<string, Payment>()

  charge(payment: Payment): Payment {
    const charged = this.#payments.get(payment.orderId)
    if (charged !== undefined) return charged
    this.#payments.set(payment.orderId, payment)
    return payment
  }

  get total(): number {
    return [...this.#payments.values()].reduce((sum, { amount }) => sum + amount, 0)
  }
}
