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
  /** What is taken, by its name there; `*` for everything. */
  readonly names: readonly string[]
}

/** Every static, dynamic and type import and re-export with a literal specifier. @throws Error when the file cannot be parsed */
export function readImports(root: string, file: string): readonly Import[] {
  return parseImports(file, readFileSync(join(root, file), 'utf8'))
}

export function parseImports(file: string, text: string): readonly Import[] {
  const { program, errors } = parseSync(file, text, { lang: 'ts', sourceType: 'module' })
  if (errors[0] !== undefined) throw new Error(`${file} cannot be parsed: ${errors[0].message}`)
  const found: Import[] = []
  const add = (source: unknown, start: number, typeOnly: boolean, names: readonly string[] = ['*']): void => {
    if (!isStringLiteral(source)) return
    found.push({ file, line: text.slice(0, start).split('\n').length, specifier: source.value, typeOnly, names })
  }
  new Visitor({
    ImportDeclaration: ({ source, start, importKind, specifiers }) => {
      const names = specifiers.map((each) => (each.type === 'ImportSpecifier' ? nameOf(each.imported) : starOf(each.type)))
      add(source, start, importKind === 'type', names)
    },
    ExportNamedDeclaration: ({ source, start, exportKind, specifiers }) => {
      const names = specifiers.map(({ local }) => nameOf(local))
      add(source, start, exportKind === 'type', names)
    },
    ExportAllDeclaration: (node) => add(node.source, node.start, node.exportKind === 'type'),
    ImportExpression: (node) => add(node.source, node.start, false),
    TSImportType: (node) => add(node.source, node.start, true),
  }).visit(program)
  return found
}

function nameOf(name: { readonly name: string } | { readonly value: string }): string {
  return 'name' in name ? name.name : name.value
}

function starOf(specifier: 'ImportDefaultSpecifier' | 'ImportNamespaceSpecifier'): string {
  return specifier === 'ImportDefaultSpecifier' ? 'default' : '*'
}

function isStringLiteral(node: unknown): node is { value: string } {
  return typeof node === 'object' && node !== null && 'value' in node && typeof node.value === 'string'
}
