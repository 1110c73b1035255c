import { GrpcServer } from '@comm/grpc'
import type { Server } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { SimpleRequest, StreamingOutputCallRequest, TestServiceDefinition } from './generated/grpc/testing/test.ts'
import { foreignServer } from './support/foreign.ts'
import { type Echoes, foreign, type InteropClient, ours } from './support/interop-client.ts'
import { payload, testService } from './support/test-service.ts'

/** Sizes that the public cases prescribe. */
const REQUEST_SIZES = [27_182, 8, 1828, 45_904]
const RESPONSE_SIZES = [31_415, 9, 2653, 58_979]
const ECHOED: Echoes = { initial: 'test_initial_metadata_value', trailing: 'ababab' }
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'

function answering(sizes: readonly number[], more: Partial<StreamingOutputCallRequest> = {}): StreamingOutputCallRequest {
  const responseParameters = sizes.map((size) => ({ size, intervalUs: 0 }))
  return StreamingOutputCallRequest.fromPartial({ responseParameters, ...more })
}

async function endedWith(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'it succeeded',
    (error: unknown) => error,
  )
}

/** The public cases, https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md, those that need no other machine. */
describe.each([
  ['our client, our server', ours, 'ours'],
  ['our client, server of grpc-js', ours, 'grpc-js'],
  ['client of grpc-js, our server', foreign, 'ours'],
] as const)('%s', (_name, connect, serverKind) => {
  let client: InteropClient
  let ourServer: GrpcServer | undefined
  let foreignOne: Server | undefined

  beforeAll(async () => {
    if (serverKind === 'ours') {
      ourServer = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(TestServiceDefinition, testService as never)
      await ourServer.start()
      client = connect(ourServer.address)
    } else {
      const { address, server } = await foreignServer()
      foreignOne = server
      client = connect(address)
    }
  })

  afterAll(async () => {
    await client.close()
    await ourServer?.[Symbol.asyncDispose]()
    foreignOne?.forceShutdown()
  })

  it('empty_unary', async () => {
    expect(await client.emptyCall()).toEqual({})
  })

  it('large_unary', async () => {
    const answer = await client.unaryCall(SimpleRequest.fromPartial({ responseSize: 314_159, payload: payload(271_828) }))
    expect(answer.payload?.body.length).toBe(314_159)
  })

  it('client_streaming', async () => {
    expect(await client.streamingInput(REQUEST_SIZES)).toBe(74_922)
  })

  it('server_streaming', async () => {
    expect(await client.streamingOutput(answering(RESPONSE_SIZES))).toEqual(RESPONSE_SIZES)
  })

  it('ping_pong', async () => {
    const call = client.fullDuplex()
    for (const [at, size] of RESPONSE_SIZES.entries()) {
      call.send(answering([size], { payload: payload(REQUEST_SIZES[at] ?? 0) }))
      expect((await call.receive())?.payload?.body.length).toBe(size)
    }
    call.endRequests()
    expect(await call.receive()).toBeUndefined()
  })

  it('empty_stream', async () => {
    const call = client.fullDuplex()
    const end = call.receive()
    call.endRequests()
    expect(await end).toBeUndefined()
  })

  it('cancel_after_begin', async () => {
    expect(await endedWith(client.streamingInputCancelled())).toMatchObject({ status: 'CANCELLED' })
  })

  it('cancel_after_first_response', async () => {
    const call = client.fullDuplex()
    call.send(answering([31_415], { payload: payload(27_182) }))
    expect((await call.receive())?.payload?.body.length).toBe(31_415)
    call.cancel()
    expect(await endedWith(call.receive())).toMatchObject({ status: 'CANCELLED' })
  })

  it('timeout_on_sleeping_server', async () => {
    const call = client.fullDuplex({ timeoutMs: 1 })
    call.send(answering([], { payload: payload(27_182), responseParameters: [{ size: 31_415, intervalUs: 60_000_000 }] }))
    expect(await endedWith(call.receive())).toMatchObject({ status: 'DEADLINE_EXCEEDED' })
  })

  it('custom_metadata', async () => {
    const request = SimpleRequest.fromPartial({ responseSize: 314_159, payload: payload(271_828) })
    expect(await client.unaryEchoes(request)).toEqual(ECHOED)
    const streamed = await new Promise<Echoes>((resolve) => {
      const call = client.fullDuplex({ echo: resolve })
      call.send(answering([314_159], { payload: payload(271_828) }))
      const read = async (): Promise<void> => {
        while ((await call.receive()) !== undefined) call.endRequests()
      }
      void read()
    })
    expect(streamed).toEqual(ECHOED)
  })

  it('status_code_and_message', async () => {
    const responseStatus = { code: 2, message: 'test status message' }
    const expected = { status: 'UNKNOWN', message: 'test status message' }
    expect(await endedWith(client.unaryCall(SimpleRequest.fromPartial({ responseStatus })))).toEqual(expected)
    const call = client.fullDuplex()
    call.send(answering([], { responseStatus }))
    call.endRequests()
    expect(await endedWith(call.receive())).toEqual(expected)
  })

  it('special_status_message', async () => {
    const request = SimpleRequest.fromPartial({ responseStatus: { code: 2, message: SPECIAL } })
    expect(await endedWith(client.unaryCall(request))).toEqual({ status: 'UNKNOWN', message: SPECIAL })
  })

  it('unimplemented_method', async () => {
    expect(await endedWith(client.unimplementedMethod())).toMatchObject({ status: 'UNIMPLEMENTED' })
  })

  it('unimplemented_service', async () => {
    expect(await endedWith(client.unimplementedService())).toMatchObject({ status: 'UNIMPLEMENTED' })
  })
})
