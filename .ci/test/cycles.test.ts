import { describe, expect, it } from '@jest/globals'
import { cycles, findCycles } from '../check/cycles.ts'
import { library, plantWorkspace } from './planted.ts'

describe('cycles', () => {
  it('finds modules that import each other, through re-exports and dynamic imports too', async () => {
    using planted = plantWorkspace({
      'packages/core/package.json': library('core'),
      'packages/core/src/a.ts': "export * from './b.ts'",
      'packages/core/src/b.ts': "export const b = () => import('./c.ts')",
      'packages/core/src/c.ts': "import { type A } from './a.ts'\nexport type C = A",
    })
    const { read, failures } = await cycles.run(planted.root)
    expect(read).toBe(3)
    expect(failures).toEqual([
      'packages/core/src/a.ts: import cycle: packages/core/src/a.ts → packages/core/src/b.ts → packages/core/src/c.ts → packages/core/src/a.ts',
    ])
  })

  it('only notes a cycle that is gone once types are stripped', async () => {
    using planted = plantWorkspace({
      'packages/core/package.json': library('core'),
      'packages/core/src/a.ts': "import { b } from './b.ts'\nexport type A = typeof b",
      'packages/core/src/b.ts': "import type { A } from './a.ts'\nexport const b: A | 1 = 1",
    })
    const { failures, notes } = await cycles.run(planted.root)
    expect(failures).toEqual([])
    expect(notes).toEqual([
      'packages/core/src/a.ts: cycle of type imports: packages/core/src/a.ts → packages/core/src/b.ts → packages/core/src/a.ts',
    ])
  })

  it('finds packages that need each other, whether by import or by manifest', async () => {
    using planted = plantWorkspace({
      'packages/core/package.json': library('core', { devDependencies: { '@comm/http': '*' } }),
      'packages/core/src/index.ts': '',
      'packages/http/package.json': library('http'),
      'packages/http/src/index.ts': "import '@comm/core'",
    })
    const { failures } = await cycles.run(planted.root)
    expect(failures).toEqual(['packages/core: import cycle: packages/core → packages/http → packages/core'])
  })

  it('reads no file where there is none', async () => {
    using planted = plantWorkspace({})
    expect(await cycles.run(planted.root)).toMatchObject({ read: 0 })
  })
})

describe('findCycles', () => {
  it.each<[string, Record<string, string[]>, string[][]]>([
    ['nothing in a tree', { a: ['b', 'c'], b: ['d'], c: ['d'] }, []],
    ['a node that imports itself', { a: ['a'] }, [['a', 'a']]],
    ['a circle behind a stem', { a: ['b'], b: ['c'], c: ['b'] }, [['b', 'c', 'b']]],
  ])('finds %s', (_, graph, expected) => {
    expect(findCycles(Object.keys(graph), new Map(Object.entries(graph)))).toEqual(expected)
  })
})
