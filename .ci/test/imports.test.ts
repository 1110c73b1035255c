import { describe, expect, it } from '@jest/globals'
import { parseImports } from '../check/imports.ts'

describe('parseImports', () => {
  it('sees every way to name another module, and which of them are gone once types are stripped', () => {
    const text = [
      "import a from './a.ts'",
      "import { type B } from './b.ts'",
      "import type { C } from './c.ts'",
      "export { d } from './d.ts'",
      "export type { E } from './e.ts'",
      "export * from './f.ts'",
      'export const local = 1',
      "const g = await import('./g.ts')",
      "let h: import('./h.ts').H",
      'const unknown = await import(g)',
      "class Decorated { @logged method() { return import('./i.ts') } }",
    ].join('\n')
    expect(
      parseImports('x.ts', text).map(({ line, specifier, typeOnly }) => `${line} ${specifier}${typeOnly ? ' type' : ''}`),
    ).toEqual([
      '1 ./a.ts',
      '2 ./b.ts',
      '3 ./c.ts type',
      '4 ./d.ts',
      '5 ./e.ts type',
      '6 ./f.ts',
      '8 ./g.ts',
      '9 ./h.ts type',
      '11 ./i.ts',
    ])
  })

  it('tells what is taken', () => {
    const text = [
      "import './a.ts'",
      "import b, { c, type D, e as f } from './b.ts'",
      "import * as g from './g.ts'",
      "export { h as i } from './h.ts'",
      "export * from './j.ts'",
      "type K = import('./k.ts').K",
    ].join('\n')
    expect(parseImports('x.ts', text).map(({ names }) => names.join())).toEqual(['', 'default,c,D,e', '*', 'h', '*', '*'])
  })

  it('names a file that is no TypeScript', () => {
    expect(() => parseImports('x.ts', 'import {')).toThrow(/^x\.ts cannot be parsed: /)
  })
})
