import { type AnySchema, isNamed, isSetting, type Kind, type Setting } from './schema/setting.ts'
import { type SpellingTable, screaming, snake, spellingsOf } from './schema/spellings.ts'
import { COMMUNICATION } from './settings/communication.ts'

/** A setting as documentation shows it. `*` in a path or variable stands for a name that the user chooses. */
export interface SettingDescription {
  /** In TypeScript: `httpClient.timeout.totalMs`. */
  readonly path: string
  /** In a file: `http_client.timeout.total`. */
  readonly fileKey: string
  /** The shortest environment variable that means it: `HTTP_CLIENT_TIMEOUT`. */
  readonly variable: string
  /** `string`, `true or false`, `duration`, `json, pretty` … */
  readonly type: string
  /** Of a bare number under `fileKey` and in `variable`; absent where there is none. */
  readonly unit?: 'seconds' | 'bytes'
  /** As TypeScript holds it; absent: none. */
  readonly default?: unknown
  readonly secret: boolean
  readonly doc: string
}

/** Every setting, in the order of the schema; named sections once. */
export function describeSettings(): readonly SettingDescription[] {
  return describeSection(COMMUNICATION, { table: spellingsOf(COMMUNICATION), outer: '', prefix: '', inner: '' })
}

/** Where a section stands: `outer` and `prefix` lead to the section that `table` belongs to, `inner` on from there. */
interface Scope {
  readonly table: SpellingTable
  readonly outer: string
  readonly prefix: string
  readonly inner: string
}

function describeSection(schema: AnySchema, scope: Scope): readonly SettingDescription[] {
  return Object.entries(schema).flatMap(([key, node]) => {
    const inner = scope.inner + key
    if (isSetting(node)) return [describeSetting(node, inner, scope)]
    if (!isNamed(node)) return describeSection(node, { ...scope, inner: `${inner}.` })
    const prefix = `${screaming(key)}__*__`
    return describeSection(node.each, { table: spellingsOf(node.each), outer: `${key}.*.`, prefix, inner: '' })
  })
}

function describeSetting(setting: Setting, inner: string, { table, outer, prefix }: Scope): SettingDescription {
  const path = outer + inner
  const variables = [...table.variables].flatMap(([variable, spelling]) => (spelling.path === inner ? [variable] : []))
  const unit = unitOf(setting)
  return {
    path,
    fileKey: snake(setting.kind === 'duration' ? path.slice(0, -'Ms'.length) : path.replace(/SizeBytes$/, 'Size')),
    variable: prefix + variables.reduce((shortest, variable) => (variable.length < shortest.length ? variable : shortest)),
    type: typeOf(setting),
    ...(unit === undefined ? {} : { unit }),
    ...(setting.default === undefined ? {} : { default: setting.default }),
    secret: setting.secret === true,
    doc: setting.doc,
  }
}

function unitOf({ kind }: Kind): 'seconds' | 'bytes' | undefined {
  if (kind === 'duration') return 'seconds'
  return kind === 'size' ? 'bytes' : undefined
}

function typeOf(kind: Kind): string {
  switch (kind.kind) {
    case 'text':
      return 'string'
    case 'url':
      return 'URL'
    case 'choice':
      return kind.of.join(', ')
    case 'flag':
      return 'true or false'
    case 'number':
      return kind.integer ? 'integer' : 'number'
    case 'list':
      return `list of ${typeOf(kind.each)}`
    case 'map':
      return `name to ${typeOf(kind.each)}`
    default:
      return kind.kind
  }
}
