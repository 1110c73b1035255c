import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Comment, type Program, parseSync, type TSInterfaceDeclaration, type TSTypeAliasDeclaration } from 'oxc-parser'

/** An interface or an alias, and the module that it is written in. */
export interface Declared {
  readonly module: Module
  readonly node: TSInterfaceDeclaration | TSTypeAliasDeclaration
  /** What is written about it. */
  readonly doc: Doc
}

export interface Doc {
  /** As `@default` says it. */
  readonly default: string | undefined
  readonly meaning: string
}

interface Span {
  readonly start: number
  readonly end: number
}

interface Elsewhere {
  readonly from: string
  readonly name: string
}

const read = new Map<string, Module>()

/** Types that a module has: its own, and those that it imports or hands on from modules of this workspace. */
export class Module {
  readonly file: string
  readonly #text: string
  readonly #comments: readonly Comment[]
  readonly #own = new Map<string, Declared>()
  readonly #imported = new Map<string, Elsewhere>()
  readonly #exported = new Map<string, Elsewhere | undefined>()

  /** @throws Error when it cannot be parsed */
  static at(file: string): Module {
    const known = read.get(file) ?? new Module(file)
    read.set(file, known)
    return known
  }

  private constructor(file: string) {
    this.file = file
    this.#text = readFileSync(file, 'utf8')
    const { program, comments, errors } = parseSync(file, this.#text, { lang: 'ts', sourceType: 'module' })
    if (errors[0] !== undefined) throw new Error(`${file} cannot be parsed: ${errors[0].message}`)
    this.#comments = comments
    this.#note(program)
  }

  /** In the order of the file. */
  get exportedNames(): readonly string[] {
    return [...this.#exported.keys()]
  }

  exported(name: string): Declared | undefined {
    if (!this.#exported.has(name)) return undefined
    const elsewhere = this.#exported.get(name)
    return elsewhere === undefined ? this.named(name) : this.#follow(elsewhere)
  }

  /** What a name means inside. */
  named(name: string): Declared | undefined {
    const imported = this.#imported.get(name)
    return this.#own.get(name) ?? (imported && this.#follow(imported))
  }

  /** As it is written, in one line and without comments. */
  between({ start, end }: Span): string {
    return this.#text
      .slice(start, end)
      .replace(/\/\*.*?\*\//gs, '')
      .replace(/\s+/g, ' ')
      .replace(/^\| /, '')
  }

  /** The comment that ends where something begins. */
  docBefore(start: number): Doc {
    const comment = this.#comments.findLast(
      ({ type, value, end }) =>
        type === 'Block' && value.startsWith('*') && end <= start && this.#text.slice(end, start).trim() === '',
    )
    const lines = (comment?.value.slice(1) ?? '').split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim())
    const [meaning = '', ...tags] = lines
      .join(' ')
      .replace(/\s+/g, ' ')
      .trim()
      .split(/ ?(?=@(?:default|throws|param|see|example)\b)/)
    const found = tags.find((tag) => tag.startsWith('@default'))
    const before = meaning.startsWith('@default') ? meaning : found
    return {
      meaning: meaning.startsWith('@') ? '' : meaning.trim(),
      default: before?.replace('@default', '').trim(),
    }
  }

  #note({ body }: Program): void {
    for (const statement of body) {
      if (statement.type === 'ImportDeclaration') {
        for (const specifier of statement.specifiers) {
          if (specifier.type !== 'ImportSpecifier' || specifier.imported.type !== 'Identifier') continue
          this.#imported.set(specifier.local.name, { from: statement.source.value, name: specifier.imported.name })
        }
        continue
      }
      const isExport = statement.type === 'ExportNamedDeclaration'
      const node = isExport ? statement.declaration : statement
      if (node?.type === 'TSInterfaceDeclaration' || node?.type === 'TSTypeAliasDeclaration') {
        this.#own.set(node.id.name, { module: this, node, doc: this.docBefore(statement.start) })
        if (isExport) this.#exported.set(node.id.name, undefined)
      }
      if (!isExport) continue
      for (const { local, exported } of statement.specifiers) {
        if (local.type !== 'Identifier' || exported.type !== 'Identifier') continue
        if (statement.source) this.#exported.set(exported.name, { from: statement.source.value, name: local.name })
        else this.#exported.set(exported.name, this.#imported.get(local.name))
      }
    }
  }

  #follow({ from, name }: Elsewhere): Declared | undefined {
    const file = from.startsWith('.') ? join(dirname(this.file), from) : this.#ofPackage(from)
    return file === undefined ? undefined : Module.at(file).exported(name)
  }

  #ofPackage(specifier: string): string | undefined {
    const [, name, path] = /^@comm\/([^/]+)(.*)$/.exec(specifier) ?? []
    const folder = name === undefined ? undefined : join(this.file.replace(/\/packages\/.*/s, '/packages'), name)
    if (folder === undefined || !existsSync(join(folder, 'package.json'))) return undefined
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly exports: Readonly<Record<string, { readonly '@comm/source'?: string } | undefined>>
    }
    const source = exports[`.${path}`]?.['@comm/source']
    return source === undefined ? undefined : join(folder, source)
  }
}
