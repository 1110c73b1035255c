import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

/** One mention of another module. */
export interface Import {
  /** The importing file, relative to the root. */
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly specifier: string
  /** Erased when types are stripped: `import type`, `export type … from`, `import('x').T`. */
  readonly typeOnly: boolean
}

/** Every static, dynamic and type import and re-export with a literal specifier. @throws Error when the file cannot be parsed */
export function readImports(root: string, file: string): readonly Import[] {
  return parseImports(file, readFileSync(join(root, file), 'utf8'))
}

export function parseImports(file: string, text: string): readonly Import[] {
  const { program, errors } = parseSync(file, text, { lang: 'ts', sourceType: 'module' })
  if (errors[0] !== undefined) throw new Error(`${file} cannot be parsed: ${errors[0].message}`)
  const found: Import[] = []
  const add = (source: unknown, start: number, typeOnly: boolean): void => {
    if (!isStringLiteral(source)) return
    found.push({ file, line: text.slice(0, start).split('\n').length, specifier: source.value, typeOnly })
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source, node.start, node.importKind === 'type'),
    ExportNamedDeclaration: (node) => add(node.source, node.start, node.exportKind === 'type'),
    ExportAllDeclaration: (node) => add(node.source, node.start, node.exportKind === 'type'),
    ImportExpression: (node) => add(node.source, node.start, false),
    TSImportType: (node) => add(node.source, node.start, true),
  }).visit(program)
  return found
}

function isStringLiteral(node: unknown): node is { value: string } {
  return typeof node === 'object' && node !== null && 'value' in node && typeof node.value === 'string'
}
