import { until } from '../until.ts'
import type { Chapter } from './chapter.ts'

const CORRELATION_ID = 'demo-flaky-1'

/** A handler fails twice and then succeeds: the message waits in the broker between its attempts. */
export const flakyHandlerChapter: Chapter = async ({ account, services, journal, customer }) => {
  account.chapter('A flaky handler', 'the mail server refuses two mails: the message is retried, others are not held up')
  const { manager, mailer } = services.notifications
  const retriedBefore = manager.messaging.stats.retried
  await until(() => manager.messaging.stats.inFlight === 0)
  mailer.failNext(2)

  await customer.order('2', 7, CORRELATION_ID)
  const handled = await until(() => journal.story(CORRELATION_ID).some(({ message }) => message === 'customer notified'))

  const attempt = journal.story(CORRELATION_ID).find(({ message }) => message === 'customer notified')?.attempt
  const retried = manager.messaging.stats.retried - retriedBefore
  account.tell('notification', `attempts 1 and 2 failed, attempt ${String(attempt)} succeeded`)
  account.check('the message was handled in the end', handled, `attempt ${String(attempt)}`)
  account.check('after two retries', attempt === 3 && retried === 2, `${retried} retries`)
}
