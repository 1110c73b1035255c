import type { DeadLetter } from '@comm/messaging'
import { describe, expect, it } from '@jest/globals'
import { listOptions, SELECTION_DEFAULTS, type Selection } from '../src/dead-letters/selection.ts'
import { letterJson, letterLines, letterRows } from '../src/dead-letters/show-letter.ts'
import { bodyFields, bodyText, guessBody, headersOf } from '../src/format/body.ts'
import { cut, printable } from '../src/format/printable.ts'
import { table } from '../src/format/table.ts'

const LETTER: DeadLetter = {
  id: '1-0',
  messageId: 'first',
  topic: 'orders',
  group: 'billing',
  key: undefined,
  reason: 'attempts',
  code: 'COMM_TIMEOUT',
  message: 'too\nlate',
  attempts: 5,
  firstSeenAt: undefined,
  diedAt: Date.UTC(2026, 0, 31),
  replays: 1,
  headers: { region: 'eu' },
  bytes: new TextEncoder().encode('{"a":1}'),
  body: { a: 1 },
}

describe('printable text', () => {
  it('does nothing to a terminal, and stays JSON', () => {
    expect(printable('a\u001b[31m\u009b2J\r\n\tb\u202e')).toBe('a\\u001b[31m\\u009b2J\\u000d\\u000a\tb\\u202e')
    const value = { text: 'a\u001b[31m\u009b2J\u2028' }
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value)
  })

  it('is cut with an ellipsis', () => {
    expect([cut('abc', 3), cut('abcd', 3)]).toEqual(['abc', 'ab…'])
  })
})

describe('a table', () => {
  it('has columns as wide as they need', () => {
    expect(
      table([
        ['A', 'LONG', 'Z'],
        ['bbb', 'c', 'd'],
      ]),
    ).toEqual(['A    LONG  Z', 'bbb  c     d'])
    expect(table([])).toEqual([])
  })
})

describe('a body', () => {
  it('without content type is JSON, text or bytes, whichever it can be', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
    expect([guessBody(bytes('{"a":1}')), guessBody(bytes('text')), guessBody('"decoded"')]).toEqual([
      { a: 1 },
      'text',
      '"decoded"',
    ])
    const binary = Uint8Array.of(0xff)
    expect(guessBody(binary)).toBe(binary)
  })

  it('is a JSON value, or base64 under another name', () => {
    expect(bodyFields({ a: 1 })).toEqual({ body: { a: 1 } })
    expect(bodyFields(null)).toEqual({ body: null })
    expect(bodyFields(Uint8Array.of(255))).toEqual({ bodyBase64: '/w==' })
    expect(bodyFields(undefined, Uint8Array.of(255))).toEqual({ bodyBase64: '/w==' })
    expect([bodyText('text'), bodyText([1]), bodyText(Uint8Array.of(255))]).toEqual(['text', '[1]', '(1 bytes) /w=='])
  })

  it('has headers without secrets', () => {
    const shown = headersOf({ region: 'eu', 'X-Api-Key': 's3cret', raw: Uint8Array.of(0x65, 0x75), binary: Uint8Array.of(255) })
    expect(shown).toEqual({ region: 'eu', 'X-Api-Key': '[redacted]', raw: 'eu', binary: '/w==' })
  })
})

describe('a dead letter', () => {
  it('is a row', () => {
    expect(letterRows([LETTER, { ...LETTER, code: undefined, diedAt: 1e300, message: undefined }]).slice(1)).toEqual([
      ['1-0', '2026-01-31T00:00:00.000Z', 'attempts', 'COMM_TIMEOUT', '5', 'too\\u000alate'],
      ['1-0', '-', 'attempts', '-', '5', '-'],
    ])
  })

  it('is JSON', () => {
    const { bytes: _bytes, ...plain } = LETTER
    expect(letterJson(LETTER)).toEqual({ ...plain, diedAt: '2026-01-31T00:00:00.000Z' })
    expect(letterJson({ ...LETTER, body: undefined })).toMatchObject({ bodyBase64: 'eyJhIjoxfQ==' })
  })

  it('is lines, its body cut', () => {
    expect(letterLines(LETTER, 8)).toEqual([
      'id        1-0',
      'message   first',
      'topic     orders',
      'group     billing',
      'died at   2026-01-31T00:00:00.000Z',
      'reason    attempts',
      'code      COMM_TIMEOUT',
      'error     too\\u000alate',
      'attempts  5',
      'replays   1',
      'headers',
      '  region  eu',
      'body (7 bytes; --full shows all of it)',
      '  {',
      '    "a"…',
    ])
    expect(letterLines({ ...LETTER, body: undefined }, 100).at(-1)).toBe('  {"a":1}')
  })

  it.each<[string, Partial<Selection>, boolean]>([
    ['no filter', {}, true],
    ['its id', { id: ['9', '1-0'] }, true],
    ['the id of its message', { id: ['first'] }, true],
    ['another id', { id: ['second'] }, false],
    ['its reason', { reason: ['schema', 'attempts'] }, true],
    ['another reason', { reason: ['schema'] }, false],
    ['another code', { code: ['COMM_UNKNOWN'] }, false],
    ['an age it has', { olderThan: 500, newerThan: 2000 }, true],
    ['an age it has not reached', { olderThan: 1500 }, false],
    ['an age it is past', { newerThan: 500 }, false],
    ['one filter of two', { code: ['COMM_TIMEOUT'], reason: ['schema'] }, false],
  ])('passes %s: %j %p', (_, filters, passes) => {
    const { where } = listOptions({ ...SELECTION_DEFAULTS, ...filters }, LETTER.diedAt! + 1000)
    expect(where?.(LETTER)).toBe(passes)
  })

  it('that does not say when it died is neither old nor new', () => {
    const undated = { ...LETTER, diedAt: undefined }
    expect(listOptions({ limit: 1, olderThan: 0 }, 1).where?.(undated)).toBe(false)
    expect(listOptions({ limit: 1, newerThan: 1e9 }, 1).where?.(undated)).toBe(false)
  })
})
