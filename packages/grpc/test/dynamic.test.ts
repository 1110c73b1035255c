import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ConfigurationError, GrpcStatusError } from '@comm/core'
import { GrpcClient, GrpcServer } from '@comm/grpc'
import { definitionFrom, reflectedDescriptors } from '@comm/grpc/dynamic'
import { descriptors } from '@comm/protos/descriptors'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const NAME = 'payments.v1.PaymentService'

interface Taken {
  readonly orderId: string
  readonly amount: number
}

describe('definitionFrom', () => {
  it('makes of descriptors what ts-proto generates: names, kinds, idempotency', () => {
    const made = definitionFrom(descriptors, NAME)
    const generated = PaymentServiceDefinition
    expect(made.fullName).toBe(generated.fullName)
    expect(Object.keys(made.methods)).toEqual(Object.keys(generated.methods))
    for (const [name, { requestStream, responseStream, options }] of Object.entries(generated.methods))
      expect(made.methods[name]).toMatchObject({ requestStream, responseStream, options: { ...options } })
  })

  it('reads and writes the JSON and the bytes that generated code does', () => {
    const own = definitionFrom(descriptors, NAME).methods['takePayment']?.requestType
    const { requestType } = PaymentServiceDefinition.methods.takePayment
    const bytes = own?.encode(own.fromJSON({ orderId: '7', amount: '42.5', more: 1 })).finish() as Uint8Array
    expect(requestType.decode(bytes)).toEqual({ orderId: '7', amount: 42.5 })
    expect(own?.toJSON(own.decode(bytes))).toEqual({ orderId: '7', amount: 42.5 })
    expect(own?.toJSON(own.fromJSON({ order_id: true }))).toEqual({ orderId: 'true' })
    expect(() => own?.fromJSON({ amount: 'much' })).toThrow(/amount/)
  })

  it('says what is wrong with descriptors, and which services they have', () => {
    expect(() => definitionFrom(descriptors, 'payments.v1.None')).toThrow(
      /no service payments\.v1\.None; they have .*payments\.v1\.PaymentService/,
    )
    expect(() => definitionFrom(Buffer.from('no descriptors'), NAME)).toThrow(ConfigurationError)
  })
})

describe('reflectedDescriptors', () => {
  let server: GrpcServer
  let client: GrpcClient

  beforeAll(async () => {
    server = new GrpcServer({ host: '127.0.0.1', port: 0, reflection: descriptors })
    server.add(PaymentServiceDefinition, {
      takePayment: async ({ orderId, amount }: Taken) => ({ orderId, amount: amount + 1 }),
      setOutOfOrder: async () => ({ outOfOrder: false }),
    } as never)
    await server.start()
    client = new GrpcClient({ address: server.address })
  })

  afterAll(async () => {
    await client.close()
    await server.close()
  })

  it('asks a server, and a client calls what it said', async () => {
    const found = await reflectedDescriptors(client, NAME)
    expect(await reflectedDescriptors(client, NAME)).toEqual(found)
    const definition = definitionFrom(found, NAME)
    const { requestType, responseType } = definition.methods['takePayment'] as (typeof definition.methods)[string]
    const methods = client.service(definition as never) as Record<string, (request: unknown) => Promise<unknown>>
    const answer = await methods['takePayment']?.(requestType.fromJSON({ orderId: '7', amount: 1 }))
    expect(responseType.toJSON(answer as never)).toEqual({ orderId: '7', amount: 2 })
  })

  it('fetches the files that the first one imports', async () => {
    const file = [
      { name: 'b.proto', package: 'two', syntax: 'proto3', messageType: [{ name: 'Message' }] },
      {
        name: 'a.proto',
        package: 'one',
        syntax: 'proto3',
        dependency: ['b.proto'],
        service: [{ name: 'Echo', method: [{ name: 'Say', inputType: '.two.Message', outputType: '.two.Message' }] }],
      },
    ]
    const both = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }))
    await using echo = new GrpcServer({ host: '127.0.0.1', port: 0, reflection: both })
    echo.add(definitionFrom(both, 'one.Echo') as never, { say: async (message: object) => message } as never)
    await echo.start()
    await using caller = new GrpcClient({ address: echo.address })
    const found = definitionFrom(await reflectedDescriptors(caller, 'one.Echo'), 'one.Echo')
    expect(found.methods['say']).toMatchObject({ name: 'Say', requestStream: false })
  })

  it('tells that there is no such service, and that there is no reflection', async () => {
    const none = reflectedDescriptors(client, 'payments.v1.None')
    await expect(none).rejects.toBeInstanceOf(GrpcStatusError)
    await expect(none).rejects.toMatchObject({ status: 'NOT_FOUND' })
    await using mute = new GrpcServer({ host: '127.0.0.1', port: 0 })
    await mute.start()
    await using other = new GrpcClient({ address: mute.address })
    await expect(reflectedDescriptors(other, NAME)).rejects.toMatchObject({ code: 'COMM_UNSUPPORTED' })
  })
})
