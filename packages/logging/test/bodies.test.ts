import { createLogger, type LogEntry, type LoggingOptions } from '@comm/logging'
import { describe, expect, it } from '@jest/globals'

function logged(fields: Record<string, unknown>, options: LoggingOptions = {}): LogEntry {
  const entries: LogEntry[] = []
  createLogger({ env: {}, destination: (_line, entry) => void entries.push(entry), ...options }).info('m', fields)
  return entries[0] as LogEntry
}

describe('the body of a request, an answer or a message', () => {
  it('that is JSON is shown as data, without its secrets', () => {
    const body = JSON.stringify({ user: 'ada', password: 'p1', cards: [{ cardNumber: 'p2', last4: '4242' }] })
    expect(logged({ body }).body).toEqual({
      user: 'ada',
      password: '[redacted]',
      cards: [{ cardNumber: '[redacted]', last4: '4242' }],
    })
  })

  it.each([
    ['{"user":"ada","password":"p1","access_token":"p2', '{"user":"ada","password":"[redacted]","access_token":"[redacted]"'],
    ["{'no': json}", "{'no': json}"],
    ['user=ada&password=p1&remember=on', 'user=ada&password=[redacted]&remember=on'],
    ['plain text', 'plain text'],
    [`{"text":"${'x'.repeat(300_000)}`, '[300009 characters]'],
  ])('%.40s is shown without secrets, and never as a failure', (body, expected) => {
    expect(logged({ requestBody: body })['requestBody']).toBe(expected)
  })

  it.each([
    ['{"ssn":"p1","user":"ada', '{"ssn":"[redacted]","user":"ada'],
    [
      'user=ada&ssn=p1&card%5Bpassword%5D=p2&api%5Fkey=p3',
      'user=ada&ssn=[redacted]&card%5Bpassword%5D=[redacted]&api%5Fkey=[redacted]',
    ],
  ])('%s is shown without what the options call a secret', (body, expected) => {
    expect(logged({ body }, { redactKeys: ['ssn'] }).body).toBe(expected)
    expect(logged({ body: 'password=p1' }, { revealKeys: ['password'] }).body).toBe('password=p1')
  })

  it('is cut by a limit of its own, wherever it is', () => {
    const payload = { items: Array.from({ length: 20 }, (_, at) => at), token: 't' }
    const text = '{"items":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19],"token":"[redacted]"}'
    const entry = logged({ message: { payload }, responseBody: 'x'.repeat(50), other: 'x'.repeat(50) }, { maxBodyLength: 20 })
    expect(entry['fields']).toEqual({ message: { payload: `${text.slice(0, 20)}… (${text.length - 20} more characters)` } })
    expect(entry['responseBody']).toBe(`${'x'.repeat(20)}… (30 more characters)`)
    expect(entry['other']).toBe('x'.repeat(50))
    expect(logged({ body: Buffer.alloc(10) }, { maxBodyLength: 20 }).body).toBe('[10 bytes]')
  })
})
