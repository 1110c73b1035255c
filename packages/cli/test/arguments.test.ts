import { CommunicationConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { durationMs, parseHeader } from '../src/arguments/units.ts'
import { sectionOfUrl } from '../src/broker/broker-url.ts'
import { chooseBroker, describeBroker } from '../src/broker/choose-broker.ts'
import { contentOf } from '../src/publish/read-body.ts'
import { parseStart } from '../src/tail/start.ts'

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['3', 3000],
    ['', undefined],
    ['-1s', undefined],
    ['10 parsecs', undefined],
  ])('%j is %p ms', (text, ms) => expect(durationMs(text)).toBe(ms))
})

describe('a header', () => {
  it('may hold an equals sign, and adds to those before', () => {
    expect(parseHeader('b=2=two', { a: '1' })).toEqual({ a: '1', b: '2=two' })
    expect(parseHeader('empty=')).toEqual({ empty: '' })
  })
})

describe('a start', () => {
  it('is a word, a time, or a duration ago', () => {
    expect(parseStart('earliest')).toBe('earliest')
    expect(parseStart('2026-01-31T12:00:00Z')).toEqual({ timestamp: Date.UTC(2026, 0, 31, 12) })
    const before = Date.now()
    const { timestamp } = parseStart('10m') as { readonly timestamp: number }
    expect(timestamp - before).toBeGreaterThanOrEqual(-600_000)
    expect(timestamp).toBeLessThanOrEqual(Date.now() - 600_000)
  })
})

describe('a broker URL', () => {
  it.each([
    ['amqp://localhost', { type: 'rabbitmq', hosts: ['localhost'] }],
    [
      'amqps://me:p%40ss%3a@one:5671,[::1]:5672/%2fvhost',
      {
        type: 'rabbitmq',
        hosts: ['one:5671', '[::1]:5672'],
        username: 'me',
        password: 'p@ss:',
        virtualHost: '/vhost',
        ssl: { enabled: true },
      },
    ],
    ['redis://:secret@host:6379/3', { type: 'redis-streams', hosts: ['host:6379'], password: 'secret', database: 3 }],
    ['rediss+pubsub://host', { type: 'redis', hosts: ['host'], ssl: { enabled: true } }],
    [
      'kafka://me:secret@one:9092,two:9092',
      { type: 'kafka', hosts: ['one:9092', 'two:9092'], username: 'me', password: 'secret', saslMechanism: 'plain' },
    ],
  ])('%s', (url, section) => {
    expect(sectionOfUrl(url)).toEqual(section)
    expect(() => chooseBroker(CommunicationConfig.from({}), url)).not.toThrow()
  })
})

describe('the broker of a command', () => {
  const config = CommunicationConfig.from({
    messageBroker: { type: 'rabbitmq', host: 'rabbit', port: 5673 },
    messageBrokers: { audit: { type: 'redis-streams', hosts: ['one', 'two:6380'] }, mine: { type: 'memory' } },
  })

  it('is the configured one, a named one, or that of a URL', () => {
    const chosen = (choice?: string) => {
      const { section, path } = chooseBroker(config, choice)
      return [path, describeBroker(section)]
    }
    expect(chosen()).toEqual(['messageBroker', 'rabbitmq at rabbit:5673'])
    expect(chosen('audit')).toEqual(['messageBrokers.audit', 'redis-streams at one, two:6380'])
    expect(chosen('kafka://host')).toEqual([undefined, 'kafka at host'])
  })

  it('is none that lives in another process, and none that there is not', () => {
    expect(() => chooseBroker(config, 'mine')).toThrow('messageBrokers.mine is of type memory')
    expect(() => chooseBroker(config, 'toString')).toThrow('got "toString"; there is audit, mine')
  })
})

describe('the content of a body', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

  it.each<[string, string | undefined, string]>([
    ['{"a":1}', undefined, 'application/json'],
    ['"text"', undefined, 'application/json'],
    ['text', undefined, 'text/plain'],
    ['', undefined, 'text/plain'],
    ['{"a":1}', 'application/cloudevents+json; charset=utf-8', 'application/cloudevents+json; charset=utf-8'],
  ])('%j of type %p is %s', (text, given, contentType) => {
    expect(contentOf(bytes(text), given).contentType).toBe(contentType)
  })

  it('keeps numbers as they are written', () => {
    const text = '{"id":12345678901234567890,"price":1.10,"list":[1e400,-0,7]}'
    expect(JSON.stringify(contentOf(bytes(text), undefined).body)).toBe(text)
  })

  it('is bytes where it is not text', () => {
    const binary = Uint8Array.of(0xff, 0x00)
    expect(contentOf(binary, undefined)).toEqual({ body: binary, contentType: 'application/octet-stream' })
    expect(contentOf(bytes('text'), 'application/octet-stream').body).toEqual(bytes('text'))
    expect(() => contentOf(binary, 'text/plain')).toThrow('must be UTF-8')
  })
})
