import { inspect } from 'node:util'
import { ConfigurationError, type Stage } from '@comm/core'
import { GrpcClient, type GrpcClientOptions, GrpcServer, type GrpcServerOptions, inProcess } from '@comm/grpc'
import { describe, expect, it, jest } from '@jest/globals'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'
import { testService } from './support/test-service.ts'

/** Wrong on purpose: what a caller without types may pass. */
type Wrong = Readonly<Record<string, unknown>>

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

describe('options of GrpcClient', () => {
  it.each<[Wrong, string]>([
    [{}, 'GrpcClient.address must be given, or endpoints in its place, got neither'],
    [{ address: 'a:1', endpoints: [] }, 'GrpcClient.address must be given, or endpoints in its place, got both'],
    [
      { address: 'http://a:1' },
      "GrpcClient.address must be an address such as 'host:port' or 'unix:///path', without http:// and credentials, got 'http://a:1'",
    ],
    [
      { address: 'unix:/path' },
      "GrpcClient.address must be an address such as 'host:port' or 'unix:///path', without http:// and credentials, got 'unix:/path'",
    ],
    [{ address: 'a:1', balancer: {} }, 'GrpcClient.balancer must be given with endpoints, got an address'],
    [
      { endpoints: ['a'] },
      "an instance must be 'host:port' or { id, host, port, weight above 0, zone, version, metadata }, got 'a'",
    ],
    [{ address: 'a:1', timeout: { totalMs: 0 } }, 'GrpcClient.timeout.totalMs must be a finite number > 0 or Infinity, got 0'],
    [
      { address: 'a:1', timeout: { readMs: 1 } },
      'GrpcClient.timeout.readMs is an unknown option, known are connectMs, attemptMs, totalMs, streamMs',
    ],
    [{ address: 'a:1', retry: true }, 'GrpcClient.retry must be false or an object with its options, got true'],
    [{ address: 'a:1', retry: { maxRetries: -1 } }, 'retry.maxRetries must be an integer >= 0 or Infinity, got -1'],
    [
      { address: 'a:1', retry: { statuses: ['GONE'] } },
      "GrpcClient.retry.statuses must be an array of gRPC's statuses, such as 'UNAVAILABLE', got [\"GONE\"]",
    ],
    [
      { address: 'a:1', compression: 'brotli' },
      "GrpcClient.compression must be one of 'identity', 'deflate', 'gzip', got 'brotli'",
    ],
    [{ address: 'a:1', keepalive: { intervalMs: 0 } }, 'GrpcClient.keepalive.intervalMs must be a finite number >= 1, got 0'],
    [{ address: 'a:1', maxReceiveBytes: 0.5 }, 'GrpcClient.maxReceiveBytes must be an integer >= 1 or Infinity, got 0.5'],
    [
      { address: 'a:1', metadata: { 'grpc-timeout': '1m' } },
      "GrpcClient.metadata must be an object of texts, or of bytes for keys that end in '-bin', without keys of the protocol such as 'grpc-timeout', got an object with keys grpc-timeout",
    ],
    [{ address: 'a:1', auth: 'secret' }, "GrpcClient.auth must be a TokenSource (with token()), got 'secret'"],
    [
      { address: 'a:1', tls: { caFile: '/nowhere' } },
      "GrpcClient.tls.caFile cannot be read: ENOENT: no such file or directory, open '/nowhere'",
    ],
    [
      { address: 'a:1', policies: [{}] },
      'stages[1] must be a stage such as retry(), breaker() or timeout(), got an object with keys (none)',
    ],
  ])('%j', (options, message) => {
    expect(messageOf(() => new GrpcClient(options as GrpcClientOptions))).toBe(message)
  })

  it('takes stages of others, and puts what is missing around them', () => {
    const seen: Stage = { name: 'seen' }
    const client = new GrpcClient({ endpoints: ['a:1'], service: 'orders', policies: [seen] })
    expect(client.describe().split('\n')).toEqual([
      'total timeout (timeout.totalMs)',
      'seen',
      'pick (orders, powerOfTwoChoices)',
      'attempt timeout (timeout.attemptMs)',
    ])
    void client.close()
  })
})

describe('options of GrpcServer', () => {
  it.each<[Wrong, string]>([
    [{}, 'GrpcServer.port must be given, or path in its place, got neither'],
    [{ port: 0, path: '/tmp/x' }, 'GrpcServer.port must be given, or path in its place, got both'],
    [{ port: 70_000 }, 'GrpcServer.port must be an integer >= 0 and <= 65535, got 70000'],
    [{ path: 'x' }, "GrpcServer.path must be an absolute path, got 'x'"],
    [{ port: 0, drainMs: -1 }, 'GrpcServer.drainMs must be a finite number >= 0 or Infinity, got -1'],
    [
      { port: 0, health: {} },
      'GrpcServer.health must be false or an object with healthCheck() and isReady, such as a Lifecycle, got an object with keys (none)',
    ],
    [
      { port: 0, reflection: 'x' },
      "GrpcServer.reflection must be a Uint8Array, the descriptors that comm-proto generates, got 'x'",
    ],
    [{ port: 0, authenticate: true }, 'GrpcServer.authenticate must be a function, got true'],
    [{ port: 0, clientCertificate: 'yes' }, "GrpcServer.clientCertificate must be true or false, got 'yes'"],
  ])('%j', (options, message) => {
    expect(messageOf(() => new GrpcServer(options as GrpcServerOptions))).toBe(message)
  })

  it('takes no service after the start', async () => {
    await using server = new GrpcServer({ host: '127.0.0.1', port: 0 })
    await server.start()
    expect(() => server.add(TestServiceDefinition, testService as never)).toThrow(
      'grpc server: a service was added after the start',
    )
    expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/)
  })
})

describe('a call', () => {
  it('that cannot be made says why, and reaches nobody', async () => {
    let calls = 0
    await using pair = await inProcess((server) =>
      server.add(TestServiceDefinition, { emptyCall: async () => ({ calls: ++calls }) } as never),
    )
    const { emptyCall, unaryCall, streamingInputCall } = pair.client.service(TestServiceDefinition)
    await expect(emptyCall({}, { metadata: { 'two words': 'x' } })).rejects.toMatchObject({
      code: 'COMM_VALIDATION',
      message:
        "grpc.testing.TestService/EmptyCall was not called: metadata 'two words' must be a key of letters, digits, '.', '_' and '-' with printable ASCII text, or with bytes where it ends in '-bin'",
    })
    await expect(unaryCall({ responseSize: 1.5 })).rejects.toMatchObject({
      code: 'COMM_VALIDATION',
      message: expect.stringMatching(/^grpc\.testing\.TestService\/UnaryCall was not called: its request cannot be serialised: /),
    })
    await expect(streamingInputCall(undefined as never)).rejects.toMatchObject({
      code: 'COMM_VALIDATION',
      message:
        'grpc.testing.TestService/StreamingInputCall was not called: its request must be an iterable of messages, async or not, got undefined',
    })
    await expect(emptyCall({}, { timeoutMs: Number.NaN })).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: 'call.timeoutMs must be a finite number >= 0 or Infinity, got NaN',
    })
    await expect(emptyCall({}, { timeout: 5 } as never)).rejects.toThrow('call.timeout is an unknown option, known are metadata,')
    expect(calls).toBe(0)
  })

  it('shows no secret that cannot be sent', async () => {
    await using server = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(TestServiceDefinition, testService as never)
    await server.start()
    const token = { value: 's3cret\n', type: 'Bearer' }
    await using client = new GrpcClient({ address: server.address, auth: { token: () => token } })
    await using plain = new GrpcClient({ address: server.address })
    const failures = await Promise.allSettled([
      client.service(TestServiceDefinition).emptyCall({}),
      plain.service(TestServiceDefinition).emptyCall({}, { metadata: { authorization: 'Bearer s3cret\n' } }),
    ])
    const errors = failures.map((failure) => (failure as PromiseRejectedResult).reason as unknown)
    expect(errors).toMatchObject([{ code: 'COMM_AUTHENTICATION' }, { code: 'COMM_VALIDATION' }])
    expect(inspect(errors)).not.toContain('s3cret')
  })

  it('whose listeners throw goes on', async () => {
    await using pair = await inProcess((server) => server.add(TestServiceDefinition, testService as never))
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const fail = (): void => {
      throw new Error('mine')
    }
    const { emptyCall } = pair.client.service(TestServiceDefinition)
    expect(await emptyCall({}, { onHeader: fail, onTrailer: fail })).toEqual({})
    const heard = warnings.mock.calls.map(([warning]) => String(warning).split('\n', 1)[0])
    warnings.mockRestore()
    expect(heard).toEqual(['onHeader threw: Error: mine', 'onTrailer threw: Error: mine'])
  })
})
