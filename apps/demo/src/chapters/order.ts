import { until } from '../until.ts'
import type { Chapter } from './chapter.ts'

const CORRELATION_ID = 'demo-order-1'

/** An order goes over HTTP to two services, becomes an event, and is consumed; one correlation id is in every log line. */
export const orderChapter: Chapter = async ({ account, services, journal, customer }) => {
  account.chapter('An order', 'HTTP to users and payments, an event published, a notification consumed: one correlation id')
  const { mailer } = services.notifications
  const mailsBefore = mailer.sent.length

  const { status, order, correlationId } = await customer.order('1', 42, CORRELATION_ID)
  const notified = await until(() => mailer.sent.length > mailsBefore)

  const story = journal.story(CORRELATION_ID)
  for (const { service, message } of story) account.tell(String(service).replace('-service', ''), message)
  account.check('the order was taken', status === 201 && order.payment === 'paid', `HTTP ${status}, ${order.payment}`)
  account.check('the customer was notified', notified, mailer.sent.at(-1)?.text ?? 'no mail')
  account.check('the correlation id came back in the answer', correlationId === CORRELATION_ID, correlationId)
  const speakers = new Set(story.map(({ service }) => service))
  account.check('all four services logged under it', speakers.size === 4, `${story.length} lines of ${speakers.size} services`)
}
