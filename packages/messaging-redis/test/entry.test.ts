import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { decodeEntry, encodeEntry } from '../src/streams/entry.ts'

const bytes = fc.uint8Array({ maxLength: 64 })
const headers = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
  fc.oneof(fc.string({ unit: 'grapheme' }), bytes),
  { noNullPrototype: true },
)

/** As Redis would store and give back what the publishing script adds. */
function stored(record: Parameters<typeof encodeEntry>[0]): Buffer[] {
  const [body, encodedHeaders, key] = encodeEntry(record)
  const fields = [
    'body',
    body,
    ...(encodedHeaders === '' ? [] : ['headers', encodedHeaders]),
    ...(key === '' ? [] : ['key', key]),
  ]
  return fields.map((field) => Buffer.from(field as string))
}

describe('an entry', () => {
  it('comes back as it was, whatever is in it', () => {
    const key = fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined })
    fc.assert(
      fc.property(bytes, headers, key, (body, given, wanted) => {
        const entry = decodeEntry(stored({ topic: 't', body, headers: given, ...(wanted === undefined ? {} : { key: wanted }) }))
        expect([...entry.body]).toEqual([...body])
        expect(entry.key).toBe(wanted)
        expect(entry.headers).toEqual(given)
      }),
    )
  })

  it('takes any fields of a foreign client', () => {
    const fields = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text))
    expect(String(decodeEntry(fields('id', '7', 'name', 'x')).body)).toBe('{"id":"7","name":"x"}')
    expect(decodeEntry(fields('body', 'b', 'tenant', 'acme', 'headers', 'no json')).headers).toEqual({
      tenant: 'acme',
      headers: 'no json',
    })
    expect(decodeEntry(fields('body', 'b', 'headers', '{"n":1,"o":{"a":2}}')).headers).toEqual({ n: '1', o: '{"a":2}' })
    expect(String(decodeEntry([]).body)).toBe('{}')
  })
})
