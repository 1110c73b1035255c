import { describe, expect, it } from '@jest/globals'
import { PackedContent } from '../../src/adapter/packed-content.ts'

const BODY = new Uint8Array()
const TYPE = { 'content-type': 'application/json' }
const of = (json: string) => PackedContent.of(BODY, undefined, Buffer.from(json))

describe('PackedContent', () => {
  it.each([
    TYPE,
    { ce_id: '7', ...TYPE },
    { ...TYPE, ce_id: '7', tenant: '', note: 'größer, {als}: [das]', ce_expirytimes: 'x', 'x-comm-y': 'z' },
  ])('takes headers that only say that the body is JSON: %j', (headers) => {
    const content = of(JSON.stringify(headers))
    expect(content?.plainType).toBe('application/json')
    expect(content?.headers).toEqual(headers)
  })

  it.each([
    '',
    '{}',
    JSON.stringify({ ce_id: '7' }),
    JSON.stringify({ 'content-type': 'text/plain' }),
    JSON.stringify({ ...TYPE, 'comm-attempts': '1' }),
    JSON.stringify({ 'comm-reply-to': 'r', ...TYPE }),
    JSON.stringify({ ...TYPE, ce_expirytime: '2026-11-26T00:00:00Z' }),
    JSON.stringify({ ...TYPE, note: 'in "quotes"' }),
    JSON.stringify({ ...TYPE, number: 1 }),
    JSON.stringify({ ...TYPE, inner: { 'comm-attempts': '1' } }),
    JSON.stringify({ inner: TYPE }),
    JSON.stringify([TYPE]),
    '{"content-type":"application/json","content-type":"text/plain"}',
    '{"content-type":"text/plain","content-type":"application/json"}',
    String.raw`{"content-type":"application/json","\u0063omm-attempts":"1"}`,
    '{"content-type":"application/json", "comm-attempts":"1"}',
    '{"content-type":"application/json"',
    '{"content-type":"application/json","note":"no\nJSON"}',
    '{"content-type":"application/json","no\u0000te":"x"}',
    '{"content-type":"application/json",}',
  ])('leaves others to be read at once: %s', (json) => {
    expect(of(json)).toBeUndefined()
  })

  it('leaves more headers than a regular expression can look at to be read at once', () => {
    const many = Array.from({ length: 2_500_000 }, (_, at) => `"header-${at}":"v"`)
    expect(of(`{"content-type":"application/json",${many.join(',')}}`)).toBeUndefined()
  })
})
