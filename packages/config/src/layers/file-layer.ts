import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname } from 'node:path'
import { object } from '@comm/core/options'
import type * as Yaml from 'yaml'
import type { SpellingTable } from '../schema/spellings.ts'
import { Layer } from './layer.ts'
import { ObjectReader, type Origin } from './object-layer.ts'
import type { Problems } from './problems.ts'
import { systemReason } from './system-reason.ts'

/** The key under which a file may hold our settings beside those of the application. */
const ROOT_KEY = 'communication'

const FILE_EXTENSIONS: readonly string[] = ['.yaml', '.yml', '.json']

/** Our words where the parser's would quote the file, which may hold secrets, or speak to a programmer. */
const OWN_WORDS: Readonly<Record<string, string>> = {
  BAD_COLLECTION_TYPE: 'a tag does not fit its value',
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins nothing known; single quotes leave it as it is',
  MULTIPLE_DOCS: 'a second document begins here',
  TAG_RESOLVE_FAILED: 'a tag is unknown (text that begins with `!` needs quotes)',
  UNEXPECTED_TOKEN: 'this is not expected here',
}

/**
 * Reads a YAML or JSON file. With a root key `communication:` everything beside that key is the application's own; without one
 * the whole file is ours. JSON goes through the YAML parser, of whose language it is a part: so it gets lines and columns, and
 * a key that stands twice is an error.
 */
export function readFile(path: string, table: SpellingTable, problems: Problems): Layer {
  const layer = new Layer(problems)
  if (!FILE_EXTENSIONS.includes(extname(path))) {
    problems.file(path, path, 'its name ends otherwise', `a file whose name ends in ${FILE_EXTENSIONS.join(', ')}`)
    return layer
  }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    problems.file(path, path, systemReason(thrown), 'a readable YAML or JSON file')
    return layer
  }
  const parsed = parse(text, path, problems)
  if (parsed === undefined || parsed.content === null) return layer
  const reader = new ObjectReader(layer, parsed, problems)
  const { content } = parsed
  if (object.accepts(content) && Object.hasOwn(content as object, ROOT_KEY)) {
    reader.readSection((content as Record<string, unknown>)[ROOT_KEY] ?? {}, table, '', [ROOT_KEY])
  } else {
    reader.readSection(content, table, '', [])
  }
  return layer
}

function parse(text: string, path: string, problems: Problems): (Origin & { readonly content: unknown }) | undefined {
  const yaml = createRequire(import.meta.url)('yaml') as typeof Yaml
  const lines = new yaml.LineCounter()
  const document = yaml.parseDocument(text, { merge: true, prettyErrors: false, logLevel: 'error', lineCounter: lines })
  const faults = [...document.errors, ...document.warnings]
  for (const { code, message, pos } of faults) {
    const { line, col } = lines.linePos(pos[0])
    problems.file(
      path,
      `${path}:${line}:${col}`,
      OWN_WORDS[code] ?? lowerFirst(message),
      `valid ${extname(path) === '.json' ? 'JSON' : 'YAML'}`,
    )
  }
  if (faults.length > 0) return undefined
  try {
    return {
      content: document.toJS(),
      rootKey: ROOT_KEY,
      sourceOf: (written) => `${path}${lineOf(yaml, document, lines, written)}`,
    }
  } catch {
    // The parser's message quotes the name after the `*`, which may be the beginning of a secret that lacks its quotes.
    problems.file(path, path, 'a `*` refers to nothing, or too often (text that begins with `*` needs quotes)', 'valid YAML')
    return undefined
  }
}

/** `:12` for the key that these keys lead to, or for the last one that the file itself holds: a merge (`<<`) brings in others. */
function lineOf(yaml: typeof Yaml, document: Yaml.Document, lines: Yaml.LineCounter, written: readonly string[]): string {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const key of written) {
    if (yaml.isAlias(node)) node = node.resolve(document)
    if (!yaml.isMap(node)) break
    const pair = node.items.find((item) => yaml.isScalar(item.key) && String(item.key.value) === key)
    if (pair === undefined) break
    offset = (pair.key as Yaml.Scalar).range?.[0] ?? offset
    node = pair.value
  }
  return offset === undefined ? '' : `:${lines.linePos(offset).line}`
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
