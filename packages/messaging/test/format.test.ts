import { CommunicationError, ConsumeError, ServiceUnavailableError, ValidationError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { bytesCodec, type Codec, Codecs, mediaType } from '../src/codec.ts'
import { open } from '../src/envelope.ts'
import { errorOfReply, errorReply } from '../src/remote-error.ts'
import { pack, STRUCTURED_JSON, unpack } from '../src/structured.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const plain = (bytes: Uint8Array): number[] => [...bytes]

describe('codecs', () => {
  const codecs = new Codecs()

  it('reads JSON families and text of any kind, parameters aside', () => {
    expect(mediaType('Application/JSON ; charset=utf-8')).toBe('application/json')
    expect(codecs.decode(utf8('{"a":1}'), 'application/vnd.acme+json; v=2', 't')).toEqual({ a: 1 })
    expect(codecs.decode(utf8('hello'), 'text/csv; charset=utf-8', 't')).toBe('hello')
  })

  it('reads UTF-8 strictly, whether in a Buffer or another array: no byte that is none, a mark at the start left out', () => {
    for (const bytesOf of [utf8, (text: string) => Buffer.from(text)]) {
      expect(codecs.decode(bytesOf('\ufeff{"a":"\ufffd \u00f6"}'), 'application/json', 't')).toEqual({ a: '\ufffd \u00f6' })
      expect(codecs.decode(bytesOf('\ufffd'), 'text/plain', 't')).toBe('\ufffd')
    }
    for (const invalid of [new Uint8Array([0x22, 0xff, 0x22]), Buffer.from([0x22, 0xff, 0x22])]) {
      expect(() => codecs.decode(invalid, 'application/json', 't')).toThrow('is not valid application/json')
    }
  })

  it('says what cannot be read, without showing the body', () => {
    const decode = (text: Uint8Array, type: string) => () => codecs.decode(text, type, 'order.created')
    expect(decode(utf8('{"secret":'), 'application/json')).toThrow(
      'a message of order.created, 10 bytes, is not valid application/json',
    )
    expect(decode(new Uint8Array([0xff, 0xfe]), 'text/plain')).toThrow(
      'a message of order.created, 2 bytes, is not valid text/plain',
    )
    expect(decode(utf8(''), 'application/avro')).toThrow(
      "a message of order.created cannot be decoded: no codec for content type application/avro; pass one in the client's codecs",
    )
  })

  it('lets a codec take the place of a built-in one', () => {
    const json: Codec = { ...bytesCodec, contentType: 'application/json', decode: () => 'mine' }
    expect(new Codecs([json]).decode(utf8('1'), 'application/json', 't')).toBe('mine')
  })

  it('gives back every JSON value as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const back = codecs.decode(codecs.encode(value, 'application/json', 't'), 'application/json', 't')
        expect(JSON.stringify(back)).toBe(JSON.stringify(value))
      }),
    )
  })
})

describe('structured mode', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).filter((text) => text !== '__proto__')
  const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 20 }))

  it('gives back headers and bytes as they were', () => {
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.uint8Array({ maxLength: 50 }), (others, body) => {
        const headers = {
          ce_specversion: '1.0',
          ce_id: '1',
          'content-type': 'application/octet-stream',
          traceparent: '00-a-b-01',
          ...others,
        }
        const event = unpack(pack(headers, body, false))
        const readable = (from: Record<string, string | Uint8Array>) =>
          Object.fromEntries(Object.entries(from).map(([key, each]) => [key, typeof each === 'string' ? each : plain(each)]))
        expect(readable(event?.headers ?? {})).toEqual(readable(headers))
        expect(plain(event?.body ?? new Uint8Array([1]))).toEqual(plain(body))
      }),
    )
  })

  it.each([true, false])('is a CloudEvent in JSON that others can read, the body known to be JSON: %s', (isJson) => {
    const headers = {
      ce_specversion: '1.0',
      ce_id: '1',
      ce_type: 'order.created',
      'content-type': 'application/json',
      tenant: 'acme',
    }
    expect(JSON.parse(new TextDecoder().decode(pack(headers, utf8('{"id":7}'), isJson)))).toEqual({
      specversion: '1.0',
      id: '1',
      type: 'order.created',
      datacontenttype: 'application/json',
      commheaders: '{"tenant":"acme"}',
      data: { id: 7 },
    })
  })

  it('keeps a body that only claims to be JSON', () => {
    const event = unpack(pack({ ce_specversion: '1.0', 'content-type': 'application/json' }, utf8('{"id":'), false))
    expect(new TextDecoder().decode(event?.body)).toBe('{"id":')
  })

  it('is read on brokers with headers too, and plain messages on those without', () => {
    const body = utf8('{"specversion":"1.0","id":"1","source":"/x","type":"t","data":{"id":7}}')
    const event = open({ headers: true }, { topic: 't', headers: { 'content-type': `${STRUCTURED_JSON}; charset=utf-8` }, body })
    expect(event.headers).toMatchObject({ ce_id: '1', ce_source: '/x', 'content-type': 'application/json' })
    expect(new TextDecoder().decode(event.body)).toBe('{"id":7}')
    const foreign = { topic: 't', headers: {}, body: utf8('{"id":7}') }
    expect(open({ headers: false }, foreign)).toBe(foreign)
  })

  it('gives the body as it came, whatever became of the value that was read from it', () => {
    const event = unpack(utf8('{"specversion":"1.0","id":"1","data":{"id":7}}'))
    expect(event?.data).toEqual({ id: 7 })
    ;(event?.data as { id: number }).id = 8
    expect(new TextDecoder().decode(event?.body)).toBe('{"id":7}')
  })

  it('takes a text of another type as the payload itself', () => {
    const event = unpack(utf8('{"specversion":"1.0","id":"1","datacontenttype":"text/plain","data":"hello"}'))
    expect(new TextDecoder().decode(event?.body)).toBe('hello')
  })

  it('is undecodable when the content type claims it in vain', () => {
    const stored = { topic: 't', headers: { 'content-type': STRUCTURED_JSON }, body: utf8('nothing') }
    expect(() => open({ headers: true }, stored)).toThrow(ConsumeError)
  })
})

describe('errors in replies', () => {
  it('come back as the class of their code', () => {
    const back = errorOfReply(
      JSON.parse(JSON.stringify(errorReply(new ServiceUnavailableError('closed', { details: { until: 8 } }), 't'))),
      't',
    )
    expect(back).toBeInstanceOf(ServiceUnavailableError)
    expect(back).toMatchObject({
      message: 't answered with an error: closed',
      retryable: true,
      details: { until: 8, remote: true },
    })
    expect(errorOfReply({ code: 'COMM_VALIDATION', message: 'm' }, 't')).toBeInstanceOf(ValidationError)
  })

  it('hide what foreign errors say', () => {
    expect(errorReply(CommunicationError.from(new Error('password is hunter2')), 't')).toEqual({
      code: 'COMM_UNKNOWN',
      message: 'the responder of t failed; its log has the reason',
      retryable: false,
    })
  })

  it('are errors whatever the reply says', () => {
    fc.assert(
      fc.property(fc.anything(), (reply) => {
        expect(errorOfReply(reply, 't')).toBeInstanceOf(CommunicationError)
      }),
    )
  })
})
