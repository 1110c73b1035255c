import { CommunicationError } from '@comm/core'
import type {} from '@comm/mesh/grpc'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { Customer } from '../customer.ts'
import { identityOf } from '../services.ts'
import { until } from '../until.ts'
import type { Chapter } from './chapter.ts'

const CORRELATION_ID = 'demo-nobody-1'

/** Customers show a token at the gateway, services a certificate to each other; whoever may not is refused before anything is done, and audited. */
export const identitiesChapter: Chapter = async ({ account, services, journal }) => {
  account.chapter('Identities', 'tokens at the gateway, mutual TLS between services: who may not is refused, and audited')
  const { gateway, payments, users } = services

  await using nobody = new Customer(gateway.server.url)
  const { status } = await nobody.order('1', 42, CORRELATION_ID)
  const speakers = (): readonly unknown[] => [...new Set(journal.of(CORRELATION_ID).map(({ service }) => service))]
  await until(() => speakers().length > 0)
  account.tell('nobody', `orders without a token: HTTP ${status}`)
  account.check('without a token the gateway refuses', status === 401, `HTTP ${status}`)
  account.check('and no service hears of it', speakers().join() === 'gateway', `logged by the ${speakers().join(', ')}`)

  const askedBefore = payments.requests
  const mesh = await users.manager.loadMesh()
  const client = await mesh.grpc('payments', PaymentServiceDefinition)
  const refused = await client.takePayment({ orderId: 'stolen', amount: 1 }).then(
    () => 'answered',
    (error: unknown) => CommunicationError.from(error).code,
  )
  account.tell('user', `asks for a payment: ${refused}`)
  account.check('payments let the order service in, not the user service', refused === 'COMM_AUTHORIZATION', refused)
  account.check('before the handler', payments.requests === askedBefore, `${payments.requests - askedBefore} requests`)
  const audited = journal.refusals('payment-service')
  account.check(
    'and say so in the audit log',
    audited.join() === `${identityOf('users')} not-allowed`,
    audited.join(', ') || 'nothing',
  )
}
