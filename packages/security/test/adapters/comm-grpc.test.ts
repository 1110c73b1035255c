import { CommunicationError, currentPrincipal } from '@comm/core'
import { inProcess } from '@comm/grpc'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { describe, expect, it } from '@jest/globals'
import { keptLog, securityLines } from '../support/audit.ts'
import { CASES, ordersGate } from './cases.ts'

const CODES = { 200: undefined, 401: 'COMM_AUTHENTICATION', 403: 'COMM_AUTHORIZATION' } as const

describe('a server of @comm/grpc whose calls are let in by a gate', () => {
  it.each(CASES)('$name', async ({ make, status, audited }) => {
    const { entries, logger, text } = keptLog()
    const gate = ordersGate(logger)
    const seen: unknown[] = []
    await using bank = await inProcess(
      (server) =>
        server.add(PaymentServiceDefinition, {
          takePayment: async (payment) => {
            seen.push(currentPrincipal()?.subject)
            return payment
          },
          setOutOfOrder: async (request) => request,
        }),
      { server: { authenticate: (call) => gate.admit(call, { action: 'call', resource: call.method }) } },
    )
    const { takePayment } = bank.client.service(PaymentServiceDefinition)
    const credential = await make()
    const metadata = credential === undefined ? {} : { authorization: `Bearer ${credential}` }
    const outcome = await takePayment({ orderId: '7', amount: 42 }, { metadata }).catch((error: unknown) => error)
    expect(securityLines(entries())).toEqual([expect.objectContaining(audited)])
    expect(seen).toEqual(status === 200 ? ['billing'] : [])
    if (status !== 200) {
      expect(outcome).toMatchObject({ code: CODES[status] })
      // Why is for the log alone.
      const told = JSON.stringify(CommunicationError.from(outcome)) + String(outcome)
      expect(told).not.toMatch(/signature|expired|scope|presented/)
    }
    for (const part of credential?.split('.') ?? []) expect(text() + String(outcome)).not.toContain(part)
  })
})
