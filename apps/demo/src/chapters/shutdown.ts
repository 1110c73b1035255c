import { CommunicationError } from '@comm/core'
import type { Chapter } from './chapter.ts'

const IN_FLIGHT = 10
const SLOW_MS = 150

/** Everything stops while requests are under way: each accepted one is answered, each message handled. */
export const shutdownChapter: Chapter = async ({ account, services, customer }) => {
  account.chapter('A graceful shutdown', `the gateway and all services stop while ${IN_FLIGHT} orders are under way`)
  const { users, payments, orders, notifications, gateway } = services
  const mailsBefore = notifications.mailer.sent.length
  users.slowDown(SLOW_MS)

  let ended = 0
  const underWay = Array.from({ length: IN_FLIGHT }, () => customer.order('1', 1).finally(() => ended++))
  // On a busy machine the first may have its answer before the last has come in.
  while (orders.server.inFlight + ended < IN_FLIGHT) await new Promise((resolve) => setImmediate(resolve))

  // Whoever is called stops after those who call it.
  const reports = [await gateway.manager.shutdown()]
  const refused = await customer.order('1', 1).then(
    () => 'answered',
    (error: unknown) => CommunicationError.from(error).code,
  )
  for (const { manager } of [orders, users, payments, notifications]) reports.push(await manager.shutdown())

  const answered = (await Promise.all(underWay)).filter(({ status }) => status === 201).length
  const mails = notifications.mailer.sent.length - mailsBefore
  const problems = reports.flatMap((report) => report.problems)
  account.tell('all', `stopped after ${reports.map(({ durationMs }) => Math.round(durationMs)).join(', ')} ms`)
  account.check('every accepted order was answered', answered === IN_FLIGHT, `${answered} of ${IN_FLIGHT}`)
  account.check('every event was handled', mails === IN_FLIGHT, `${mails} of ${IN_FLIGHT}`)
  account.check('a new order was refused', refused === 'COMM_CONNECTION', refused)
  account.check(
    'nothing blocked',
    problems.length === 0,
    problems.map(({ component, phase }) => `${component} ${phase}`).join(', ') || 'no problems',
  )
}
