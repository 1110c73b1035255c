import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { bodyFrame, type MessageFields, messageFrames } from '../src/wire/message-frames.ts'
import { load } from './support/amqplib.ts'

const { BasicProperties, BasicPublish, encodeMethod, encodeProperties } = load('./lib/defs')
const { makeBodyFrame } = load('./lib/frame')

function ours(channel: number, fields: MessageFields, body: Buffer): Buffer {
  return Buffer.from(messageFrames(channel, fields, body.length) + bodyFrame(channel, body), 'latin1')
}

function amqplibs(channel: number, fields: MessageFields, body: Buffer): Buffer {
  const { 'content-type': contentType, ...headers } = fields.headers
  const properties = { ...fields, headers, contentType, deliveryMode: 2 }
  return Buffer.concat([
    encodeMethod(BasicPublish, channel, fields),
    encodeProperties(BasicProperties, channel, body.length, properties),
    makeBodyFrame(channel, body),
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
      fc.property(fc.integer({ min: 1, max: 65_535 }), fields, bytes, (channel, message, body) => {
        expect(ours(channel, message, body).equals(amqplibs(channel, message, body))).toBe(true)
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
    const body = Buffer.alloc(100_000, 0xce)
    expect(ours(300, message, body).equals(amqplibs(300, message, body))).toBe(true)
  })

  it.each([
    ['a name of a header', { headers: { ['h'.repeat(256)]: '1' } }, /^'h+…' takes 256 bytes$/],
    ['a content type', { headers: { 'content-type': 'ü'.repeat(128) } }, /takes 256 bytes$/],
    ['the headers together', { headers: { h: 'x'.repeat(65_536) } }, /^the headers take 65543 bytes$/],
  ])('are not made where %s would not fit, and amqplib makes none either', (_, more, message) => {
    const tooLong = { ...PLAIN, ...more } as MessageFields
    expect(() => messageFrames(1, tooLong, 0)).toThrow(message)
    expect(() => amqplibs(1, tooLong, Buffer.alloc(0))).toThrow()
  })
})
