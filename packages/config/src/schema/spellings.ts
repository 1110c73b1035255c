import { type AnySchema, isNamed, isSetting, type Setting } from './setting.ts'

/** One way to write a setting, inside the section whose table it stands in. */
export interface Spelling {
  /** From the section to the setting, in camel case, joined by dots: `timeout.totalMs`. */
  readonly path: string
  readonly setting: Setting
  /** The unit that a bare number has when the setting is written so. */
  readonly bare: 'ms' | 's'
}

/** How everything inside one section may be written. All keys are in camel case. */
export interface SpellingTable {
  /** Settings, those of nested sections too, under the joined path: `timeoutTotal`, `timeoutTotalMs`, `timeout`. */
  readonly settings: ReadonlyMap<string, Spelling>
  readonly sections: ReadonlyMap<string, SpellingTable>
  readonly named: ReadonlyMap<string, SpellingTable>
  /** Of a named section: whether `*` is a name. */
  readonly hasRest?: boolean
  /** The same settings by the names of their environment variables, without the prefix of this section. */
  readonly variables: ReadonlyMap<string, Spelling>
}

const tables = new WeakMap<AnySchema, SpellingTable>()

/**
 * The table of a schema; made once.
 * @throws Error when the schema is wrong: one spelling for two settings
 */
export function spellingsOf(schema: AnySchema): SpellingTable {
  const made = tables.get(schema) ?? makeTable(schema)
  tables.set(schema, made)
  return made
}

function makeTable(schema: AnySchema): SpellingTable {
  const settings = new Map<string, Spelling>()
  const sections = new Map<string, SpellingTable>()
  const named = new Map<string, SpellingTable>()
  const variables = new Map<string, Spelling>()

  for (const [key, node] of Object.entries(schema)) {
    if (isSetting(node)) {
      for (const [written, bare] of writtenAs(key, node)) add(settings, written, { path: key, setting: node, bare })
    } else if (isNamed(node)) {
      named.set(key, { ...spellingsOf(node.each), hasRest: node.hasRest === true })
    } else {
      const table = spellingsOf(node)
      sections.set(key, table)
      addNested(settings, key, table)
    }
  }
  for (const [written, spelling] of settings) {
    for (const name of variablesOf(written, spelling)) add(variables, name, spelling)
  }
  return { settings, sections, named, variables }
}

/** `timeoutMs` is also `timeout`, and then a bare number means seconds; `batchSizeBytes` is also `batchSize`. */
function writtenAs(key: string, { kind }: Setting): readonly (readonly [string, 'ms' | 's'])[] {
  if (kind === 'duration')
    return [
      [key.slice(0, -'Ms'.length), 's'],
      [key, 'ms'],
    ]
  if (kind === 'size' && key.endsWith('SizeBytes'))
    return [
      [key.slice(0, -'Bytes'.length), 'ms'],
      [key, 'ms'],
    ]
  return [[key, 'ms']]
}

function addNested(settings: Map<string, Spelling>, key: string, table: SpellingTable): void {
  for (const [written, { path, setting, bare }] of table.settings) {
    const spelling = { path: `${key}.${path}`, setting, bare }
    add(settings, `${key}${capitalised(written)}`, spelling)
    if (path.includes('.')) continue
    for (const outside of setting.outside ?? []) add(settings, outside, spelling)
    if (setting.alone) add(settings, setting.kind === 'duration' && bare === 'ms' ? `${key}Ms` : key, spelling)
  }
}

function variablesOf(written: string, { setting, bare }: Spelling): readonly string[] {
  if (setting.env === undefined) return [screaming(written)]
  return [setting.kind === 'duration' && bare === 'ms' ? `${setting.env}_MS` : setting.env]
}

function add(table: Map<string, Spelling>, written: string, spelling: Spelling): void {
  const other = table.get(written)
  if (other !== undefined && other.path !== spelling.path) {
    throw new Error(`the schema uses ${written} for both ${other.path} and ${spelling.path}`)
  }
  table.set(written, spelling)
}

function capitalised(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1)
}

/** `max_retries` becomes `maxRetries`; what is already in camel case stays. */
export function camel(key: string): string {
  return key.replace(/(?<=[a-z0-9])_+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase())
}

/** `maxRetries` becomes `max_retries`. */
export function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `maxRetries` becomes `MAX_RETRIES`. */
export function screaming(key: string): string {
  return snake(key).toUpperCase()
}
