import { describe, expect, it } from '@jest/globals'
import { EventParser } from '../../src/events/event-parser.ts'
import type { ServerSentEvent } from '../../src/events/options.ts'

function eventsOf(stream: string, pieceBytes = Number.POSITIVE_INFINITY): readonly ServerSentEvent[] {
  const events: ServerSentEvent[] = []
  const parser = new EventParser('', Number.POSITIVE_INFINITY, (event) => events.push(event))
  const bytes = Buffer.from(stream)
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) parser.feed(bytes.subarray(at, at + pieceBytes))
  return events
}

const plain = (data: string): ServerSentEvent => ({ event: 'message', data, id: '' })

describe('a stream of events (WHATWG HTML, 9.2.6)', () => {
  it.each<[string, string, readonly ServerSentEvent[]]>([
    ['data of several lines', 'data: YHOO\ndata: +2\ndata: 10\n\n', [plain('YHOO\n+2\n10')]],
    [
      'comments, an id, an id that is taken back, and an end without a blank line',
      ': test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n',
      [
        { event: 'message', data: 'first', id: '1' },
        { event: 'message', data: 'second', id: '' },
      ],
    ],
    ['empty data', 'data\n\ndata\ndata\n\ndata:', [plain(''), plain('\n')]],
    ['at most one space cut off', 'data:test\n\ndata: test\n\ndata:  test\n\n', [plain('test'), plain('test'), plain(' test')]],
    ['CRLF, CR and LF', 'data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\n', [plain('a'), plain('b'), plain('c'), plain('d')]],
    ['one BOM', '\uFEFFdata: a\n\n', [plain('a')]],
    ['a second BOM, which is part of a name', '\uFEFF\uFEFFdata: a\n\ndata: b\n\n', [plain('b')]],
    [
      'types',
      'event: add\ndata: 1\n\ndata: 2\n\nevent: add\nevent:\ndata: 3\n\n',
      [{ event: 'add', data: '1', id: '' }, plain('2'), plain('3')],
    ],
    [
      'an id that stays',
      'id: 7\ndata: a\n\ndata: b\n\n',
      [
        { event: 'message', data: 'a', id: '7' },
        { event: 'message', data: 'b', id: '7' },
      ],
    ],
    ['an id with NUL, which is no id', 'id: 7\u0000\ndata: a\n\n', [plain('a')]],
    ['unknown and mistyped fields', 'Data: x\nfoo: bar\ndata : y\ndata: z\n\n', [plain('z')]],
    ['text beyond ASCII', 'id: é\nevent: ☃\ndata: 𝄞 ü\n\n', [{ event: '☃', data: '𝄞 ü', id: 'é' }]],
  ])('%s', (_what, stream, expected) => {
    expect(eventsOf(stream)).toEqual(expected)
    for (const pieceBytes of [1, 2, 3, 5]) expect(eventsOf(stream, pieceBytes)).toEqual(expected)
  })

  it.each([
    ['retry: 1500\n', 1500],
    ['retry: 1.5\n', undefined],
    ['retry: -1\n', undefined],
    ['retry: 10s\n', undefined],
  ])('%j asks for %p', (stream, expected) => {
    const parser = new EventParser('', 100, () => undefined)
    parser.feed(Buffer.from(stream))
    expect(parser.retryMs).toBe(expected)
  })

  it('counts the bytes of an event', () => {
    const events: ServerSentEvent[] = []
    const parser = new EventParser('', 8, (event) => events.push(event))
    for (let round = 0; round < 100; round++) parser.feed(Buffer.from('data: ää\n\n'))
    expect(events).toHaveLength(100)
    expect(parser.isTooLarge).toBe(false)
    parser.feed(Buffer.from('data: ää\ndata: äää\n\n'))
    expect(parser.isTooLarge).toBe(true)
    expect(events).toHaveLength(100)
  })
})
