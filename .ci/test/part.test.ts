import { describe, expect, it } from '@jest/globals'
import type { Part, PartResult } from '../check/part.ts'
import { failed, report, runParts } from '../check/run.ts'

function part(name: string, result: Partial<PartResult> | Error, more: Partial<Part> = {}): Part {
  return {
    name,
    failsWhen: 'told to',
    run: async () => {
      if (result instanceof Error) throw result
      return { read: 3, unit: 'files', failures: [], ...result }
    },
    ...more,
  }
}

describe('the parts of check', () => {
  it('all run, whatever becomes of the others', async () => {
    const outcomes = await runParts(
      [part('a', new Error('boom')), part('b', { failures: ['x.ts:1: wrong'] }), part('c', {})],
      '.',
    )
    expect(outcomes.map((outcome) => [outcome.part.name, failed(outcome)])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false],
    ])
    expect(outcomes[0]?.result.failures[0]).toMatch(/^could not run: Error: boom/)
  })

  it('fail when they read nothing', async () => {
    const outcomes = await runParts([part('blind', { read: 0 })], '.')
    expect(outcomes[0]?.result.failures).toEqual(['read no files: this part checks nothing'])
  })

  it('begin after the compiler when they need what it writes', async () => {
    const events: string[] = []
    const slow = part(
      'types',
      {},
      {
        run: async () => {
          await new Promise((resolve) => setImmediate(resolve))
          events.push('types')
          return { read: 1, unit: 'files', failures: [] }
        },
      },
    )
    const needing = part(
      'packages',
      {},
      {
        afterTypes: true,
        run: async () => {
          events.push('packages')
          return { read: 1, unit: 'files', failures: [] }
        },
      },
    )
    await runParts([slow, needing], '.')
    expect(events).toEqual(['types', 'packages'])
  })

  it('are summed up in aligned lines after what they found', async () => {
    const outcomes = await runParts(
      [part('a', {}), part('longer', { failures: ['x.ts:1: wrong\nhere'], notes: ['by the way'] })],
      '.',
    )
    const text = report(outcomes).replace(/\d+\.\d s/g, '0.0 s')
    expect(text).toBe(
      [
        'longer: failures\n  x.ts:1: wrong\n  here',
        'longer: notes\n  by the way',
        '  a       ok        0.0 s  3 files\n  longer  FAILED    0.0 s  3 files         1 to look at',
      ].join('\n\n'),
    )
  })
})
