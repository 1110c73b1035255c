import { runInNewContext } from 'node:vm'
import {
  AuthenticationError,
  CircuitBreakerOpenError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  HttpStatusError,
  PublishError,
  TimeoutError,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

/** The same source under another address is another module: what a second install of the package is. */
async function secondInstall(): Promise<typeof import('../src/errors/errors.ts')> {
  return await import(`../src/errors/errors.ts?${'second-install'}`)
}

function thrower(): never {
  throw new Error('hostile')
}

const revoked = Proxy.revocable({}, {})
revoked.revoke()

describe('CommunicationError', () => {
  it('takes code and retryable from its class', () => {
    const error = new CircuitBreakerOpenError('the breaker of orders is open')
    expect(error).toMatchObject({
      name: 'CircuitBreakerOpenError',
      code: 'COMM_BREAKER_OPEN',
      retryable: true,
      message: 'the breaker of orders is open',
      details: {},
    })
    expect(error.stack).toMatch(/^CircuitBreakerOpenError: the breaker/)
  })

  it('lets the thrower decide whether it is retryable, and keep a cause', () => {
    const cause = new Error('inner')
    const error = new TimeoutError('too late', { code: 'COMM_DEADLINE_EXCEEDED', retryable: true, cause })
    expect(error).toMatchObject({ code: 'COMM_DEADLINE_EXCEEDED', retryable: true })
    expect(error.cause).toBe(cause)
    expect('cause' in new TimeoutError('no cause')).toBe(false)
  })

  it('can be made with a code that this version does not know', () => {
    const code = String('COMM_OF_TOMORROW') as 'COMM_UNKNOWN'
    expect(new CommunicationError('m', { code })).toMatchObject({ code: 'COMM_OF_TOMORROW', retryable: false })
  })

  it('repeats in its details what a subclass adds, so that a log line has it', () => {
    expect(new HttpStatusError('GET /users answered 404', { status: 404, details: { body: '' } }).details).toEqual({
      status: 404,
      body: '',
    })
    expect(new PublishError('not confirmed', { stored: 'unknown' }).details).toEqual({ stored: 'unknown' })
    expect(new PublishError('refused').stored).toBe('no')
    const problems = [{ key: 'retry.ms', received: '-1', expected: 'a finite number >= 0' }]
    expect(new ConfigurationError('wrong', { problems, details: { file: 'a.yaml' } }).details).toEqual({
      problems,
      file: 'a.yaml',
    })
  })

  it('becomes plain data without the inside of its cause', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', password: 'hunter2' })
    const json = JSON.stringify(new ConnectionError('cannot reach the broker', { cause, details: { host: 'mq' } }))
    expect(JSON.parse(json)).toEqual({
      name: 'ConnectionError',
      code: 'COMM_CONNECTION',
      message: 'cannot reach the broker',
      retryable: true,
      details: { host: 'mq' },
      cause: { name: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
    })
  })

  it('is told apart by class, also in a class that a user derives', () => {
    class Refused extends AuthenticationError {}
    const error = new Refused('no')
    expect(error).toBeInstanceOf(Refused)
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toBeInstanceOf(CommunicationError)
    expect(error).not.toBeInstanceOf(TimeoutError)
    expect(new AuthenticationError('no')).not.toBeInstanceOf(Refused)
    expect(new CommunicationError('plain')).not.toBeInstanceOf(AuthenticationError)
    for (const other of [undefined, null, 'text', {}, new Error('x'), Object.create(null)]) {
      expect(other instanceof CommunicationError).toBe(false)
    }
  })

  it('is recognised by a second install of the package', async () => {
    const second = await secondInstall()
    expect(second.CommunicationError).not.toBe(CommunicationError)
    const foreign = new second.HttpStatusError('GET / answered 500', { status: 500 })
    expect(foreign).toBeInstanceOf(HttpStatusError)
    expect(foreign).toBeInstanceOf(CommunicationError)
    expect(foreign).not.toBeInstanceOf(TimeoutError)
    expect(CommunicationError.from(foreign)).toBe(foreign)
  })
})

describe('CommunicationError.from', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH'])(
    'turns the system error %s into a ConnectionError',
    (code) => {
      const thrown = Object.assign(new Error(`connect ${code}`), { code })
      const error = CommunicationError.from(thrown)
      expect(error).toBeInstanceOf(ConnectionError)
      expect(error).toMatchObject({ message: `connect ${code}`, details: { system: code }, cause: thrown })
    },
  )

  it('says what a refused connection to several addresses was', () => {
    const both = ['connect ECONNREFUSED ::1:1', 'connect ECONNREFUSED 127.0.0.1:1'].map((message) => new Error(message))
    const error = CommunicationError.from(Object.assign(new AggregateError(both), { code: 'ECONNREFUSED' }))
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error.message).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1')
  })

  it('does not follow errors in a circle', () => {
    const circle = new AggregateError([])
    circle.errors.push(circle, circle, undefined, 'text', new Error('inner'))
    expect(CommunicationError.from(circle).message).toBe('inner')
  })

  it("knows the platform's time limits and aborts", () => {
    expect(CommunicationError.from(new DOMException('late', 'TimeoutError'))).toMatchObject({ code: 'COMM_TIMEOUT' })
    expect(CommunicationError.from(new DOMException('gone', 'AbortError'))).toMatchObject({ code: 'COMM_ABORTED' })
  })

  it('knows errors of another realm', () => {
    const foreign: unknown = runInNewContext("Object.assign(new Error('connect'), { code: 'ECONNRESET' })")
    expect(foreign instanceof Error).toBe(false)
    expect(CommunicationError.from(foreign)).toBeInstanceOf(ConnectionError)
  })

  it('gives an error without a message its code or name', () => {
    expect(CommunicationError.from(Object.assign(new Error(), { code: 'EPIPE' })).message).toBe('EPIPE')
    expect(CommunicationError.from(new RangeError()).message).toBe('RangeError')
  })

  it.each<[string, unknown, string]>([
    ['a string', 'boom', "a value that is not an Error was thrown: 'boom'"],
    ['undefined', undefined, 'a value that is not an Error was thrown: undefined'],
    ['null', null, 'a value that is not an Error was thrown: null'],
    ['a symbol', Symbol('s'), 'a value that is not an Error was thrown: Symbol(s)'],
    ['a bigint', 5n, 'a value that is not an Error was thrown: 5n'],
    ['an object', { password: 'hunter2' }, 'a value that is not an Error was thrown: an object with keys password'],
    ['a null prototype', Object.create(null), 'a value that is not an Error was thrown: an object with keys (none)'],
    ['a function', () => 1, 'a value that is not an Error was thrown: a function'],
    ['a revoked proxy', revoked.proxy, 'something that cannot be described was thrown'],
    [
      'a getter that throws',
      {
        get message() {
          return thrower()
        },
      },
      'something that cannot be described was thrown',
    ],
    [
      'a proxy that throws',
      new Proxy({}, { get: thrower, getPrototypeOf: thrower }),
      'something that cannot be described was thrown',
    ],
    [
      'a message that is no text',
      { message: Symbol('m') },
      'a value that is not an Error was thrown: an object with keys message',
    ],
  ])('is total: %s', (_what, thrown, message) => {
    const error = CommunicationError.from(thrown)
    expect(error).toMatchObject({ code: 'COMM_UNKNOWN', message })
    expect(error.cause === thrown).toBe(true)
    expect(() => JSON.stringify(error)).not.toThrow()
  })

  it('is total on anything', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true }), (thrown) => {
        const error = CommunicationError.from(thrown)
        expect(error).toBeInstanceOf(CommunicationError)
        expect(error.message).not.toBe('')
      }),
    )
  })

  it('leaves the credentials of a URL behind', () => {
    const thrown = new Error('connect to amqp://service:s3cret@mq:5672/prod failed')
    const error = CommunicationError.from(thrown)
    expect(error.message).toBe('connect to amqp://[redacted]@mq:5672/prod failed')
    expect(JSON.stringify(error)).not.toContain('s3cret')
    expect(CommunicationError.from('redis://:s3cret@cache').message).not.toContain('s3cret')
  })
})
