import { RabbitMQAdapter, type RabbitMQAdapterOptions } from '@comm/messaging-rabbit'
import { sharedServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const { host, port } = await sharedServer('rabbitmq')
const never = new AbortController().signal
const at = { host, port }
const where = `${host}:${port}`

describe('connecting', () => {
  it.each<[string, RabbitMQAdapterOptions, object]>([
    [
      'a port where nobody listens',
      { host: '127.0.0.1', port: 1 },
      { code: 'COMM_CONNECTION', message: 'cannot connect to RabbitMQ at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1' },
    ],
    [
      'a host that does not exist',
      { host: 'rabbit.invalid' },
      { code: 'COMM_CONNECTION', message: expect.stringContaining('rabbit.invalid') },
    ],
    [
      'a wrong password',
      { ...at, password: 'top-secret' },
      {
        code: 'COMM_AUTHENTICATION',
        retryable: false,
        message: expect.stringMatching(
          `^cannot connect to RabbitMQ at ${where}: RabbitMQ answered ACCESS_REFUSED - Login was refused`,
        ),
      },
    ],
    [
      'an unknown virtual host',
      { ...at, virtualHost: 'nowhere' },
      {
        code: 'COMM_CONFIGURATION',
        message: `cannot connect to RabbitMQ at ${where}: it has no virtual host 'nowhere', or user 'guest' may not use it. Create it, or grant the permission`,
      },
    ],
    [
      'TLS to a port without',
      { ...at, ssl: {} },
      { code: 'COMM_CONNECTION', message: expect.stringContaining('wrong version number') },
    ],
    [
      'a certificate that is not there',
      { ...at, ssl: { caFile: '/nowhere/ca.pem' } },
      { code: 'COMM_CONFIGURATION', message: expect.stringContaining('rabbitmq.ssl.caFile cannot be read: ENOENT') },
    ],
    [
      'a topology that the server refuses',
      { ...at, topology: { exchanges: [{ name: 'amq.mine' }] } },
      {
        code: 'COMM_CONFIGURATION',
        message: expect.stringContaining("exchange name 'amq.mine' contains reserved prefix 'amq.*'"),
      },
    ],
  ])('%s', async (_, options, expected) => {
    await using adapter = new RabbitMQAdapter(options)
    const error = await adapter.connect(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(expected)
    expect(String(error)).not.toContain('top-secret')
  })
})

describe('using', () => {
  const adapter = new RabbitMQAdapter({ ...at, maxBodyBytes: 1024 * 1024 * 1024 })
  beforeAll(() => adapter.connect(never))
  afterAll(() => adapter[Symbol.asyncDispose]())
  const request = { maxUnsettled: 1, lanes: 'none' } as const

  it.each<[string, () => Promise<unknown>, object]>([
    [
      'a topic that a queue may not be named after',
      () => adapter.subscribe({ ...request, topics: ['amq.orders'], group: 'g' }, () => undefined),
      {
        code: 'COMM_CONFIGURATION',
        message: expect.stringContaining("queue name 'amq.orders@g' contains reserved prefix 'amq.*'"),
      },
    ],
    [
      'a pattern that is not said to be one',
      () => adapter.subscribe({ ...request, topics: ['order.*'] }, () => undefined),
      { code: 'COMM_CONFIGURATION', message: "topic must be without the words * and #, unless pattern is true, got 'order.*'" },
    ],
    [
      'names that are too long',
      () => adapter.subscribe({ ...request, topics: ['x'.repeat(200)], group: 'y'.repeat(200) }, () => undefined),
      { code: 'COMM_CONFIGURATION', message: expect.stringContaining('must be short enough for an AMQP name, 255 bytes') },
    ],
    [
      'the past',
      () => adapter.subscribe({ ...request, topics: ['orders'], group: 'g', from: 'earliest' }, () => undefined),
      {
        code: 'COMM_UNSUPPORTED',
        message: 'cannot subscribe to orders of RabbitMQ: it keeps nothing of the past for groups to come',
      },
    ],
    [
      'a look at a topic without a group',
      () => adapter.admin.browse({ topic: 'orders' }),
      { code: 'COMM_UNSUPPORTED', message: 'cannot browse topic orders: RabbitMQ keeps records for groups only. Name one' },
    ],
  ])('%s', async (_, use, expected) => {
    await expect(use()).rejects.toMatchObject(expected)
  })

  it.each<[string, Parameters<RabbitMQAdapter['publish']>[0][number], object]>([
    [
      'a header name of 256 bytes',
      { topic: 'orders', body: new Uint8Array(), headers: { ['x'.repeat(256)]: 'y' } },
      { stored: 'no', error: expect.objectContaining({ code: 'COMM_VALIDATION', retryable: false }) },
    ],
    [
      'headers of 70 KiB',
      { topic: 'orders', body: new Uint8Array(), headers: { much: 'x'.repeat(70 * 1024) } },
      {
        stored: 'no',
        error: expect.objectContaining({ code: 'COMM_VALIDATION', message: expect.stringContaining('all headers 64 KiB') }),
      },
    ],
    [
      'a topic of 300 characters',
      { topic: 'x'.repeat(300), body: new Uint8Array(), headers: {} },
      { stored: 'no', error: expect.objectContaining({ code: 'COMM_UNROUTABLE' }) },
    ],
    [
      "a body beyond the server's own limit",
      { topic: 'orders', body: new Uint8Array(140 * 1024 * 1024), headers: {} },
      {
        stored: 'no',
        error: expect.objectContaining({ retryable: false, message: expect.stringContaining("RabbitMQ's max_message_size") }),
      },
    ],
  ])('publishing %s', async (_, record, expected) => {
    const [result] = await adapter.publish([record], never)
    expect(result).toMatchObject({ ok: false, ...expected })
    // The channel that RabbitMQ may have closed is replaced.
    await expect(
      adapter.publish([{ topic: 'orders', body: new Uint8Array(), headers: {}, unroutable: 'ignore' }], never),
    ).resolves.toEqual([{ ok: true }])
  })
})
