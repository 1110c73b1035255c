import { GROUP } from '@comm/app-notification-service'
import { until } from '../until.ts'
import type { Chapter } from './chapter.ts'

/** A message that no retry can help goes to the dead-letter topic; once its cause is mended it is replayed. */
export const poisonMessageChapter: Chapter = async ({ account, services, customer }) => {
  account.chapter(
    'A poison message',
    'no mail template for French: the message becomes a dead letter, and is replayed after the fix',
  )
  const { manager, mailer } = services.notifications
  const letters = manager.messaging.deadLetters('order.created', GROUP)

  const mailsBefore = mailer.sent.length
  await customer.order('3', 12)
  await customer.order('1', 12)
  const died = await until(async () => (await letters.count()) === 1)
  const [letter] = await letters.list()
  account.tell('notification', `dead letter: ${letter?.message ?? 'none'}`)
  account.check(
    'it became a dead letter at once',
    died && letter?.attempts === 1,
    `reason ${letter?.reason}, attempts ${letter?.attempts}`,
  )
  const passed = await until(() => mailer.sent.length === mailsBefore + 1)
  account.check('the consumer went on with the next message', passed, mailer.sent.at(-1)?.to ?? 'no mail')

  mailer.addTemplate('fr', (orderId) => `Merci pour la commande ${orderId}.`)
  account.tell('operator', 'adds the template and replays the dead letters')
  const { replayed } = await letters.replay()
  const handled = await until(() => mailer.sent.some(({ to }) => to === 'sophie@example.com'))
  account.check('the replayed message was handled', replayed.length === 1 && handled, mailer.sent.at(-1)?.text ?? 'no mail')
  account.check('no dead letter is left', (await letters.count()) === 0, `${await letters.count()} left`)
}
