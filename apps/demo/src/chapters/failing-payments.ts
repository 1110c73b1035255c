import { BREAKER } from '../services.ts'
import { until } from '../until.ts'
import type { Chapter } from './chapter.ts'

const ORDERS_MEANWHILE = 5

/** The payment service fails: the breaker opens, orders are taken all the same, and after the recovery it closes again. */
export const failingPaymentsChapter: Chapter = async ({ account, services, journal, customer }) => {
  account.chapter(
    'A failing service',
    'payments answer UNAVAILABLE: the breaker opens, the fallback answers, a probe finds the recovery',
  )
  const { payments } = services
  const breaker = (): string => journal.breakerStates().at(-1) ?? 'closed'

  payments.outOfOrder = true
  account.tell('payment', 'out of order')
  for (let attempt = 1; breaker() === 'closed' && attempt <= 10; attempt++) {
    const { order } = await customer.order('1', 10)
    account.tell('order', `payment ${order.payment}, breaker ${breaker()}`)
  }
  account.check(`the breaker opened after ${BREAKER.failures} failures`, breaker() === 'open', breaker())

  const askedBefore = payments.requests
  const meanwhile = await Promise.all(Array.from({ length: ORDERS_MEANWHILE }, () => customer.order('2', 10)))
  const pending = meanwhile.filter(({ status, order }) => status === 201 && order.payment === 'pending').length
  account.check('orders are taken with the payment postponed', pending === ORDERS_MEANWHILE, `${pending} of ${ORDERS_MEANWHILE}`)
  account.check(
    'without asking the payment service',
    payments.requests === askedBefore,
    `${payments.requests - askedBefore} requests`,
  )

  payments.outOfOrder = false
  account.tell('payment', `works again; the breaker stays open for ${BREAKER.openMs} ms`)
  let paid = false
  const recovered = await until(async () => {
    const { order } = await customer.order('1', 10)
    paid = order.payment === 'paid'
    return paid
  })
  const states = journal.breakerStates()
  account.check('a probe got through and the breaker closed', recovered && breaker() === 'closed', breaker())
  account.check('open, half-open and closed again', states.join() === 'open,half-open,closed', states.join(', '))
  account.check('payments are taken again', paid, paid ? 'paid' : 'pending')
}
