import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type MessageFields, messageFrames } from '../src/wire/message-frames.ts'
import { load } from './support/amqplib.ts'

const { BasicProperties, BasicPublish, encodeMethod, encodeProperties } = load('./lib/defs')
const { makeBodyFrame } = load('./lib/frame')

function amqplibs(channel: number, fields: MessageFields, body: Buffer, isWhole: boolean): Buffer {
  const { 'content-type': contentType, ...headers } = fields.headers
  const properties = { ...fields, headers, contentType, deliveryMode: 2 }
  return Buffer.concat([
    encodeMethod(BasicPublish, channel, fields),
    encodeProperties(BasicProperties, channel, body.length, properties),
    ...(isWhole ? [makeBodyFrame(channel, body)] : []),
  ])
}

const PLAIN: MessageFields = {
  exchange: 'comm',
  routingKey: 'order.created',
  mandatory: true,
  messageId: 'm.1',
  headers: { ce_id: '1', 'content-type': 'application/json' },
  priority: undefined,
  expiration: undefined,
}

/** Up to 255 bytes in UTF-8. */
const shortText = fc.string({ unit: 'grapheme', maxLength: 85 }).filter((text) => Buffer.byteLength(text) <= 255)
const anyText = fc.string({ unit: 'grapheme' })
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const fields: fc.Arbitrary<MessageFields> = fc.record({
  exchange: shortText,
  routingKey: shortText,
  mandatory: fc.boolean(),
  messageId: shortText,
  headers: fc
    .tuple(
      fc.dictionary(shortText, fc.oneof(anyText, bytes, fc.constant(undefined)), { noNullPrototype: true }),
      fc.option(fc.record({ 'content-type': shortText })),
    )
    .map(([headers, contentType]) => ({ ...headers, ...contentType })),
  priority: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
  expiration: fc.option(fc.nat().map(String), { nil: undefined }),
})

describe('the frames of a message', () => {
  it('are those that amqplib makes, whatever it carries', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), fields, bytes, fc.boolean(), (channel, message, body, isWhole) => {
        const frames = messageFrames(channel, message, body, isWhole)
        expect(frames.equals(amqplibs(channel, message, body, isWhole))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('hold text beyond ASCII, bytes and lengths of more than one byte', () => {
    const message = {
      ...PLAIN,
      routingKey: 'straße.☃',
      headers: { é: '𝒳'.repeat(200), raw: Buffer.of(0, 127, 128, 255), long: 'x'.repeat(60_000), none: undefined },
      priority: 9,
      expiration: '86400000',
    }
    const body = Buffer.alloc(4088, 0xce)
    expect(messageFrames(300, message, body, true).equals(amqplibs(300, message, body, true))).toBe(true)
    const large = Buffer.alloc(5_000_000)
    expect(messageFrames(300, message, large, false).equals(amqplibs(300, message, large, false))).toBe(true)
  })

  it.each([
    ['a name of a header', { headers: { ['h'.repeat(256)]: '1' } }, /^'h+…' takes 256 bytes$/],
    ['a content type', { headers: { 'content-type': 'ü'.repeat(128) } }, /takes 256 bytes$/],
    [
      'the headers together',
      { headers: { a: 'x'.repeat(40_000), b: 'x'.repeat(30_000) } },
      /^the headers take more than 65535 bytes$/,
    ],
    ['text of a header', { headers: { h: '☃'.repeat(30_000), next: 'n' } }, /is too long|take more than 65535 bytes$/],
    ['a header', { headers: { h: 'x'.repeat(1_000_000) } }, /^a value of 1000000 bytes is too long$/],
    ['bytes of a header', { headers: { h: Buffer.alloc(100_000) } }, /^a value of 100000 bytes is too long$/],
  ])('are not made where %s would not fit, and amqplib makes none either; the next are', (_, more, message) => {
    const tooLong = { ...PLAIN, ...more } as MessageFields
    const body = Buffer.from('{}')
    expect(() => messageFrames(1, tooLong, body, true)).toThrow(message)
    expect(() => amqplibs(1, tooLong, body, true)).toThrow()
    expect(messageFrames(1, PLAIN, body, true).equals(amqplibs(1, PLAIN, body, true))).toBe(true)
  })
})
