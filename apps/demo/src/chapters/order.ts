import { identityOf } from '../services.ts'
import { until } from '../until.ts'
import type { Chapter } from './chapter.ts'

const CORRELATION_ID = 'demo-order-1'
const CALLED = ['payments (grpc)', 'users (http)']

/** An order comes in through the gateway, goes through the mesh over HTTP to one service and over gRPC to another, becomes an event, and is consumed; one correlation id is in every log line. */
export const orderChapter: Chapter = async ({ account, services, journal, customer }) => {
  account.chapter(
    'An order',
    'in through the gateway, through the mesh to users (HTTP) and payments (gRPC), an event, a notification: one correlation id',
  )
  const { mailer } = services.notifications
  const mailsBefore = mailer.sent.length

  const { status, order, correlationId } = await customer.order('1', 42, CORRELATION_ID)
  const notified = await until(() => mailer.sent.length > mailsBefore)
  const speakers = (): ReadonlySet<unknown> => new Set(journal.story(CORRELATION_ID).map(({ service }) => service))
  await until(() => speakers().size === 5)

  const story = journal.story(CORRELATION_ID)
  for (const { service, message } of story) account.tell(String(service).replace('-service', ''), message)
  account.check('the order was taken', status === 201 && order.payment === 'paid', `HTTP ${status}, ${order.payment}`)
  const said = (message: string): Readonly<Record<string, unknown>> =>
    story.find((entry) => entry.message === message) ?? { message: `nobody said '${message}'` }
  const route = story.find(({ service }) => service === 'gateway')?.route
  const known = services.gateway.server.services['orders']?.instances ?? 0
  account.check(
    'it came in through the gateway, to the instance that the registry knows',
    route === '/api/v1/orders/*' && known === 1,
    `route ${String(route)}, ${known} instance`,
  )
  const { customer: subject } = said('order placed')
  account.check('the order service knows by the token whose order it is', subject === 'ada', String(subject))
  const { edges } = (await services.orders.manager.loadMesh()).topology()
  const called = edges
    .filter(({ from }) => from === 'orders')
    .map(({ to, protocol }) => `${to} (${protocol})`)
    .sort()
  account.check(
    'it called users and payments by name',
    CALLED.every((name) => called.includes(name)),
    called.join(', '),
  )
  const callers = [said('user found')['caller'], said('payment taken')['caller']].map(String)
  account.check(
    'both know its identity, by mutual TLS',
    callers.every((caller) => caller === identityOf('orders')),
    [...new Set(callers)].join(', '),
  )
  account.check('the customer was notified', notified, mailer.sent.at(-1)?.text ?? 'no mail')
  account.check('the correlation id came back in the answer', correlationId === CORRELATION_ID, correlationId)
  account.check(
    'the gateway and all four services logged under it',
    speakers().size === 5,
    `${story.length} lines of ${speakers().size}`,
  )
}
