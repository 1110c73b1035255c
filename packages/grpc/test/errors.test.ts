import {
  AuthenticationError,
  AuthorizationError,
  CircuitBreakerOpenError,
  CommunicationError,
  ConnectionError,
  GrpcStatusError,
  HttpStatusError,
  type Logger,
  RateLimitedError,
  ServiceUnavailableError,
  silentLogger,
  TimeoutError,
  ValidationError,
} from '@comm/core'
import { inProcess } from '@comm/grpc'
import { Metadata } from '@grpc/grpc-js'
import { describe, expect, it } from '@jest/globals'
import { ServerError, Status } from 'nice-grpc'
import { fromStatus } from '../src/errors/from-status.ts'
import { decodeDetails, encodeDetails } from '../src/errors/status-details.ts'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'
import { FOREIGN_SERVICE, foreignClient } from './support/foreign.ts'

interface Told {
  readonly name: string
  readonly code: string
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  readonly message: string
}

/** What a caller gets when a service throws; without retries. */
async function toldAfter(thrown: unknown, logger: Logger = silentLogger): Promise<Told> {
  const service = { emptyCall: () => Promise.reject(thrown) }
  const add = (server: { add: (definition: typeof TestServiceDefinition, implementation: never) => unknown }): void => {
    server.add(TestServiceDefinition, service as never)
  }
  await using pair = await inProcess(add, { server: { logger }, client: { retry: false } })
  const error = await pair.client
    .service(TestServiceDefinition)
    .emptyCall({})
    .then(
      () => new Error('it succeeded'),
      (failure: unknown) => failure as CommunicationError,
    )
  const { name, code, retryable, details, message } = error as CommunicationError
  return { name, code, retryable, details, message }
}

describe('what a service throws, as its caller gets it', () => {
  it.each([
    ['a ValidationError', new ValidationError('no amount'), 'ValidationError', 'INVALID_ARGUMENT'],
    ['an AuthenticationError', new AuthenticationError('bad token abc'), 'AuthenticationError', 'UNAUTHENTICATED'],
    ['an AuthorizationError', new AuthorizationError('not an admin'), 'AuthorizationError', 'PERMISSION_DENIED'],
    ['a RateLimitedError', new RateLimitedError('slow down'), 'RateLimitedError', 'RESOURCE_EXHAUSTED'],
    ['an open breaker of its own', new CircuitBreakerOpenError('open'), 'ServiceUnavailableError', 'UNAVAILABLE'],
    ['a ServiceUnavailableError', new ServiceUnavailableError('away'), 'ServiceUnavailableError', 'UNAVAILABLE'],
    ['a TimeoutError', new TimeoutError('slow database'), 'TimeoutError', 'DEADLINE_EXCEEDED'],
    ['COMM_UNSUPPORTED', new CommunicationError('no', { code: 'COMM_UNSUPPORTED' }), 'CommunicationError', 'UNIMPLEMENTED'],
    ['another service’s status', new HttpStatusError('404', { status: 404 }), 'GrpcStatusError', 'INTERNAL'],
    [
      'another service’s view of the arguments',
      new ValidationError('no amount', { details: { target: '10.0.0.7:1' } }),
      'GrpcStatusError',
      'INTERNAL',
    ],
    [
      'a token that could not be had',
      new AuthenticationError('no token', { details: { target: 'the OAuth 2.0 client' } }),
      'GrpcStatusError',
      'INTERNAL',
    ],
    ['a lost connection to another service', new ConnectionError('10.0.0.7 refused'), 'GrpcStatusError', 'INTERNAL'],
    ['an Error', new Error('password=secret'), 'GrpcStatusError', 'INTERNAL'],
    ['a GrpcStatusError', new GrpcStatusError('no order 7', { status: 'NOT_FOUND' }), 'GrpcStatusError', 'NOT_FOUND'],
    ['a ServerError of nice-grpc', new ServerError(Status.ALREADY_EXISTS, 'there is one'), 'GrpcStatusError', 'ALREADY_EXISTS'],
  ])('%s', async (_what, thrown, name, status) => {
    expect(await toldAfter(thrown)).toMatchObject({ name, details: { grpcStatus: status } })
  })

  it('tells nothing of what went on inside, and logs it', async () => {
    const logged: unknown[] = []
    const logger: Logger = { ...silentLogger, error: (_message, fields) => logged.push(fields?.['error']) }
    const thrown = new Error('password=secret')
    const { message } = await toldAfter(thrown, logger)
    expect(message).toMatch(/was answered INTERNAL: internal error$/)
    expect(logged).toEqual([thrown])
    expect((await toldAfter(new AuthenticationError('bad token abc'))).message).not.toContain('abc')
  })

  it('carries issues, reason and wait in the richer error model', async () => {
    const issues = [{ path: ['lines', 0, 'amount'], message: 'must be above 0' }]
    expect((await toldAfter(new ValidationError('wrong', { details: { issues } }))).details).toMatchObject({
      reason: 'COMM_VALIDATION',
      domain: 'comm',
      issues: [{ path: 'lines.0.amount', message: 'must be above 0' }],
    })
    expect((await toldAfter(new RateLimitedError('slow down', { details: { retryAfterMs: 1500 } }))).details).toMatchObject({
      reason: 'COMM_RATE_LIMITED',
      retryAfterMs: 1500,
    })
    const own = new GrpcStatusError('gone', {
      status: 'NOT_FOUND',
      details: { reason: 'ORDER_GONE', domain: 'orders', info: { id: '7' } },
    })
    expect((await toldAfter(own)).details).toMatchObject({ reason: 'ORDER_GONE', domain: 'orders', info: { id: '7' } })
  })

  it('tells as much as trailers hold, and the connection stays', async () => {
    const issues = Array.from({ length: 50_000 }, (_, nth) => ({ path: `lines.${nth}.amount`, message: 'must be above 0' }))
    const { code, details } = await toldAfter(new ValidationError('wrong '.repeat(50_000), { details: { issues } }))
    expect(code).toBe('COMM_VALIDATION')
    expect((details['issues'] as unknown[]).length).toBeGreaterThan(50)
    expect(details['issues']).toContainEqual(issues[0])
    expect(details['statusMessage']).toHaveLength(1024)
  })

  it('does not pass on as its own what another service has answered', async () => {
    const received = await toldAfter(new GrpcStatusError('no order 7', { status: 'NOT_FOUND' }))
    const again = new GrpcStatusError(received.message, { status: 'NOT_FOUND', details: received.details })
    expect(await toldAfter(again)).toMatchObject({ details: { grpcStatus: 'INTERNAL', statusMessage: 'internal error' } })
  })

  it('is understood by plain grpc-js', async () => {
    const service = { emptyCall: () => Promise.reject(new ValidationError('no amount', { details: { issues: [] } })) }
    await using pair = await inProcess((server) => server.add(TestServiceDefinition, service as never))
    const client = foreignClient(pair.server.address)
    const { path, requestSerialize, responseDeserialize } = FOREIGN_SERVICE.emptyCall
    const error = await new Promise<{ code: number; details: string; metadata: Metadata }>((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (failure) =>
        failure ? resolve(failure) : reject(new Error('it succeeded')),
      )
    })
    client.close()
    expect(error).toMatchObject({ code: 3, details: 'no amount' })
    expect(decodeDetails(error.metadata.get('grpc-status-details-bin')[0] as Buffer)).toMatchObject({ reason: 'COMM_VALIDATION' })
  })
})

describe('fromStatus', () => {
  const attempt = { method: 'a.B/C', target: 'host:1', isCommitted: false, trailers: new Metadata() }

  it.each([
    ['never left', 'No connection established. Last error: connect ECONNREFUSED', 'no'],
    ['refused by HTTP/2', 'Stream refused by server', 'no'],
    ['broken meanwhile', 'Connection dropped', 'maybe'],
  ])('knows whether a call can have been begun: %s', (_what, message, processed) => {
    const error = fromStatus({ ...attempt, code: 14, message })
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error.details).toMatchObject({ processed })
  })

  it('knows a connection that broke in the middle of an answer', () => {
    const error = fromStatus({ ...attempt, isCommitted: true, code: 14, message: 'Connection dropped' })
    expect(error).toMatchObject({ code: 'COMM_CONNECTION', details: { processed: 'maybe' } })
  })

  it('does not take what an implementation threw for a call that was not begun', () => {
    const trailers = new Metadata()
    trailers.set('content-type', 'application/grpc')
    const error = fromStatus({ ...attempt, trailers, code: 14, message: 'No connection established to the database' })
    expect(error).toMatchObject({ code: 'COMM_SERVICE_UNAVAILABLE', details: { processed: 'maybe' } })
  })

  it('hears the server say that it should not be tried again', () => {
    const trailers = new Metadata()
    trailers.set('grpc-retry-pushback-ms', '-1')
    trailers.set('content-type', 'application/grpc')
    expect(fromStatus({ ...attempt, code: 14, message: '', trailers }).retryable).toBe(false)
  })

  it('takes a status of the future for UNKNOWN, and details that are garbage for none', () => {
    const trailers = new Metadata()
    trailers.set('grpc-status-details-bin', Buffer.from('ffffffff', 'hex'))
    expect(fromStatus({ ...attempt, code: 99, message: 'x', trailers })).toMatchObject({ status: 'UNKNOWN' })
  })

  it('shows no credentials', () => {
    const { message } = fromStatus({ ...attempt, code: 13, message: 'cannot reach amqp://user:pass@host' })
    expect(message).not.toContain('pass@')
  })

  it('reads back what it writes', () => {
    const details = { reason: 'A', domain: 'b', info: { c: 'd' }, retryAfterMs: 1234.5, issues: [{ path: 'e', message: 'f' }] }
    expect(decodeDetails(encodeDetails(3, 'm', details))).toEqual(details)
  })
})
