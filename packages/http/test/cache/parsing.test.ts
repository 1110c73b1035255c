import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseCacheControl, secondsOf } from '../../src/cache/cache-control.ts'
import { parseHttpDate } from '../../src/cache/http-date.ts'
import { pieceOf } from '../../src/cache/range.ts'
import { selectingText, varyNames } from '../../src/cache/selecting.ts'

describe('parseCacheControl', () => {
  it.each<[string, [string, string | true][]]>([
    ['', []],
    ['no-store', [['no-store', true]]],
    [
      'Max-Age=60 , Public',
      [
        ['max-age', '60'],
        ['public', true],
      ],
    ],
    [
      'no-cache="a, b", max-age=1',
      [
        ['no-cache', 'a, b'],
        ['max-age', '1'],
      ],
    ],
    [
      'x="\\"max-age=9\\", y=1", max-age=1',
      [
        ['x', '\\"max-age=9\\", y=1'],
        ['max-age', '1'],
      ],
    ],
    ['max-age=5, max-age=3', [['max-age', '3']]],
    ['max-age=5, max-age=x', [['max-age', '0']]],
    [',, ,no-cache,', [['no-cache', true]]],
  ])('%j', (field, directives) => {
    expect([...parseCacheControl(field)]).toEqual(directives)
  })

  it('ends in time with any text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => expect(parseCacheControl(text)).toBeInstanceOf(Map)))
    expect(parseCacheControl(`a="${'\\'.repeat(100_000)}`)).toBeInstanceOf(Map)
  })

  it.each<[string | true | undefined, number | undefined]>([
    [undefined, undefined],
    ['60', 60],
    ['007', 7],
    ['-1', 0],
    ['1.5', 0],
    [true, 0],
    ['99999999999999', 2 ** 31],
  ])('the seconds of %j are %j', (value, seconds) => {
    expect(secondsOf(value)).toBe(seconds)
  })
})

describe('parseHttpDate', () => {
  it('reads back what Date writes', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), (date) => {
        expect(parseHttpDate(date.toUTCString())).toBe(Math.floor(date.getTime() / 1000) * 1000)
      }),
    )
  })

  it.each<[string, string | undefined]>([
    ['Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
    ['Sunday, 06-Nov-94 08:49:37 GMT', '1994-11-06T08:49:37.000Z'],
    ['Sun Nov  6 08:49:37 1994', '1994-11-06T08:49:37.000Z'],
    ['Sun, 06 Nov 1994 08:49:37 UTC', undefined],
    ['Sun, 6 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1994 25:49:37 GMT', undefined],
    ['Sun, 06 Foo 1994 08:49:37 GMT', undefined],
    ['2026-01-01', undefined],
    ['0', undefined],
    ['', undefined],
  ])('%j', (text, iso) => {
    const ms = parseHttpDate(text)
    expect(ms === undefined ? undefined : new Date(ms).toISOString()).toBe(iso)
  })
})

describe('pieceOf', () => {
  it.each<[string, number, [number, number] | undefined]>([
    ['bytes=0-1', 10, [0, 2]],
    ['bytes=8-99', 10, [8, 10]],
    ['bytes=4-', 10, [4, 10]],
    ['bytes=-3', 10, [7, 10]],
    ['bytes=-99', 10, [0, 10]],
    ['bytes=-0', 10, undefined],
    ['bytes=10-', 10, undefined],
    ['bytes=5-4', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['lines=0-1', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=0-', 0, undefined],
  ])('%s of %d bytes', (range, length, piece) => {
    const found = pieceOf(range, length)
    expect(found && [found.start, found.end]).toEqual(piece)
  })
})

describe('what selects an answer', () => {
  it.each<[string, string, boolean]>([
    ['1,2', ' 1, 2 ', true],
    ['a', 'A', false],
    ['"a, b"', '"a,b"', false],
  ])('header values %j and %j', (one, other, same) => {
    expect(selectingText(['foo'], { foo: one }) === selectingText(['foo'], { foo: other })).toBe(same)
  })

  it('languages and codings have neither order nor case', () => {
    expect(selectingText(['accept-language'], { 'accept-language': 'de, EN' })).toBe(
      selectingText(['accept-language'], { 'accept-language': 'en,de' }),
    )
  })

  it('an absent header is not an empty one, and values cannot pose as names', () => {
    expect(selectingText(['a'], {})).not.toBe(selectingText(['a'], { a: '' }))
    expect(selectingText(['a', 'b'], { a: '1' })).not.toBe(selectingText(['a', 'b'], { a: '1', b: '' }))
  })

  it.each<[string | undefined, readonly string[] | undefined]>([
    [undefined, []],
    ['B, a,  b', ['a', 'b']],
    ['a, *', undefined],
    [', *', undefined],
  ])('Vary: %j', (field, names) => {
    expect(varyNames(field)).toEqual(names)
  })
})
