import { AuthorizationError, CommunicationError, ConnectionError, TimeoutError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { diagnose } from '../src/doctor/diagnose.ts'
import { reportLines } from '../src/doctor/report.ts'

function system(code: string, message = code): Error {
  return Object.assign(new Error(message), { code })
}

describe('a diagnosis', () => {
  it.each<[string, unknown, string]>([
    [
      'a code deep in the causes',
      new ConnectionError('cannot connect', { cause: new Error('inner', { cause: system('ENOTFOUND') }) }),
      'no such host',
    ],
    ['one of several errors', new AggregateError([system('ENETUNREACH'), system('ECONNREFUSED')]), 'nobody listens there'],
    [
      'a code in the details',
      new ConnectionError('cannot connect', { details: { system: 'EHOSTUNREACH' } }),
      'no way to that host',
    ],
    ['an unknown authority', system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'ssl.ca_file'],
    ['a certificate out of date', system('CERT_HAS_EXPIRED'), 'renew it'],
    ['a certificate for another name', system('ERR_TLS_CERT_ALTNAME_INVALID'), 'ssl.server_name'],
    ['TLS of another kind', system('ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'), 'TLS failed'],
    ['a missing permission', new AuthorizationError('no'), 'grant the permission'],
    ['a time limit', new TimeoutError('late'), 'no answer in time'],
    ["amqplib's own time limit, which has no code", new Error('connect ETIMEDOUT'), 'no answer in time'],
    ['a connection that ended', system('ECONNRESET'), 'ended the connection'],
    ['anything else', new CommunicationError('odd'), '--verbose'],
    ['what is no error', 'odd', '--verbose'],
  ])('of %s', (_, thrown, advice) => {
    expect(diagnose(thrown, 'connection')).toMatchObject({ check: 'connection', advice: expect.stringContaining(advice) })
  })

  it('ends where an error is its own cause', () => {
    const error = new Error('round') as Error & { cause?: unknown }
    error.cause = error
    expect(diagnose(error, 'health').check).toBe('health')
  })
})

describe('a report', () => {
  it('is told to people in lines', () => {
    const settings = [{ key: 'messageBroker.port', source: 'default' }]
    expect(
      reportLines([
        {
          connection: 'messageBroker',
          target: 'rabbitmq at localhost',
          findings: [
            { check: 'connection', status: 'ok', message: 'connected' },
            { check: 'health', status: 'wrong', message: 'two\nlines', advice: 'mend it', settings },
            { check: 'round trip', status: 'skipped', message: 'why' },
          ],
        },
      ]),
    ).toEqual([
      'WRONG  messageBroker: rabbitmq at localhost',
      '  ok     connection     connected',
      '  WRONG  health         two lines',
      '         mend it',
      '         messageBroker.port: not set, so its default',
      '  -      round trip     why',
    ])
  })
})
