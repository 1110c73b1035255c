import { CommunicationError } from '@comm/core'
import { type InProcessOptions, inProcess } from '@comm/grpc'
import { describe, expect, it } from '@jest/globals'
import { SimpleRequest, TestServiceDefinition } from './generated/grpc/testing/test.ts'
import { payload, testService } from './support/test-service.ts'

async function call(options: InProcessOptions, request: Partial<SimpleRequest>): Promise<string> {
  await using pair = await inProcess((server) => server.add(TestServiceDefinition, testService as never), options)
  const { unaryCall } = pair.client.service(TestServiceDefinition)
  return unaryCall(SimpleRequest.fromPartial(request)).then(
    ({ payload: answer }) => `${answer?.body.length} bytes`,
    (thrown: unknown) => {
      const { code, message } = CommunicationError.from(thrown)
      return code === 'COMM_TOO_LARGE' ? code : message
    },
  )
}

describe('message sizes', () => {
  it('refuses an answer that is too long', async () => {
    expect(await call({ client: { maxReceiveBytes: 1000 } }, { responseSize: 2000 })).toBe('COMM_TOO_LARGE')
  })

  it('refuses to send a request that is too long', async () => {
    expect(await call({ client: { maxSendBytes: 1000 } }, { payload: payload(2000) })).toBe('COMM_TOO_LARGE')
  })

  it('lets a server refuse a request that is too long', async () => {
    expect(await call({ server: { maxReceiveBytes: 1000 } }, { payload: payload(2000) })).toBe('COMM_TOO_LARGE')
  })

  it('takes 4 MiB as usual, and more when told', async () => {
    const responseSize = 5_000_000
    expect(await call({}, { responseSize })).toBe('COMM_TOO_LARGE')
    expect(await call({ client: { maxReceiveBytes: Number.POSITIVE_INFINITY } }, { responseSize })).toBe('5000000 bytes')
  })
})

describe('compression', () => {
  it.each(['gzip', 'deflate'] as const)('sends %s, which the server inflates within its limit', async (compression) => {
    const client = { compression }
    expect(await call({ client, server: { maxReceiveBytes: 200_000 } }, { payload: payload(100_000), responseSize: 7 })).toBe(
      '7 bytes',
    )
    // Compressed it is small; what counts is what becomes of it.
    expect(await call({ client, server: { maxReceiveBytes: 50_000 } }, { payload: payload(100_000) })).toBe('COMM_TOO_LARGE')
  })
})
