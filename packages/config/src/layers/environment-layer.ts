import { readFileSync } from 'node:fs'
import { nearest } from '../schema/nearest.ts'
import { type Spelling, type SpellingTable, screaming } from '../schema/spellings.ts'
import { checkName, Layer } from './layer.ts'
import type { Problems } from './problems.ts'
import { systemReason } from './system-reason.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Whoever sets a variable that begins so means us: an unknown one is a mistake. `LOG_` and the like belong to everybody. */
const OURS = /^(HTTP_CLIENTS?|MESSAGE_BROKERS?|MESH_SERVICES|SERVICE_DISCOVERY)_/

/** Kubernetes sets these by itself for a service that happens to be named like one of our sections ("service links"). */
const SERVICE_LINK = /_SERVICE_(HOST|PORT(_.+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_.+)?$/
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//

const FILE = '_FILE'

/**
 * Reads the variables that mean a setting. An empty one sets nothing. `X_FILE` names a file that holds the value of `X`; line
 * breaks at its end are dropped. A variable of a named section bears the name between double underscores:
 * `HTTP_CLIENTS__BILLING__TIMEOUT`.
 * @param names the named sections that other layers have: `BILLING_API` means their `billing-api`
 */
export function readEnvironment(env: Environment, table: SpellingTable, names: Iterable<string>, problems: Problems): Layer {
  const layer = new Layer(problems)
  const known = [...names]
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || value === '') continue
    const target = findTarget(variable, table, known)
    if (target !== undefined) setFrom(layer, target, variable, value, problems)
    else if (OURS.test(variable) && !isServiceLink(variable, value)) {
      problems.unknownKey(variable, `environment ${variable}`, suggestVariable(variable, table))
    }
  }
  return layer
}

interface Target {
  /** The named section that it belongs to, if any. */
  readonly section?: { readonly key: string; readonly name: string }
  readonly spelling: Spelling
  readonly isFile: boolean
}

function findTarget(variable: string, table: SpellingTable, names: readonly string[]): Target | undefined {
  const named = splitNamed(variable, table)
  if (named === undefined) return inTable(variable, table)
  const target = inTable(named.rest, named.each)
  return target && { ...target, section: { key: named.key, name: nameFor(named.key, named.name, names) } }
}

interface NamedVariable {
  readonly key: string
  readonly each: SpellingTable
  readonly name: string
  readonly rest: string
}

function splitNamed(variable: string, table: SpellingTable): NamedVariable | undefined {
  const [, collection, name, rest] = /^(.+?)__(.+?)__(.+)$/.exec(variable) ?? []
  if (name === undefined || rest === undefined) return undefined
  for (const [key, each] of table.named) if (screaming(key) === collection) return { key, each, name, rest }
  return undefined
}

function inTable(variable: string, { variables }: SpellingTable): Target | undefined {
  const spelling = variables.get(variable)
  if (spelling !== undefined) return { spelling, isFile: false }
  const inFile = variable.endsWith(FILE) ? variables.get(variable.slice(0, -FILE.length)) : undefined
  return inFile && { spelling: inFile, isFile: true }
}

/** The name that another layer uses, or a new one in lower case. */
function nameFor(key: string, written: string, names: readonly string[]): string {
  const plain = (name: string): string => name.toLowerCase().replaceAll('-', '_')
  const prefix = `${key}.`
  const match = names.find((path) => path.startsWith(prefix) && plain(path.slice(prefix.length)) === written.toLowerCase())
  return match?.slice(prefix.length) ?? written.toLowerCase()
}

function setFrom(layer: Layer, { section, spelling, isFile }: Target, variable: string, value: string, problems: Problems): void {
  if (!isFile && spelling.setting.kind === 'number' && SERVICE_LINK_VALUE.test(value)) return
  const at = section === undefined ? '' : `${section.key}.${section.name}`
  if (section !== undefined) {
    if (!checkName(section.name, section.key, `environment ${variable}`, problems)) return
    layer.names.add(at)
  }
  if (!isFile) return layer.set(at, spelling, value, `environment ${variable}`)
  const source = `environment ${variable}${spelling.setting.secret && !isPlainPath(value) ? '' : `, file ${value}`}`
  const content = readSecretFile(value, variable, source, problems)
  if (content !== undefined) layer.set(at, spelling, content, source)
}

/** Anything else in the place of a path may be the secret itself, set by mistake: it is not shown. */
function isPlainPath(value: string): boolean {
  return /^(\.{0,2}\/|[A-Za-z]:\\)[^\r\n]*$/.test(value)
}

function readSecretFile(path: string, variable: string, source: string, problems: Problems): string | undefined {
  try {
    const content = readFileSync(path, 'utf8').replace(/[\r\n]+$/, '')
    if (content !== '') return content
    problems.file(variable, source, 'it is empty', 'a file that holds the value')
  } catch (thrown) {
    problems.file(variable, source, systemReason(thrown), 'a file that holds the value')
  }
  return undefined
}

function isServiceLink(variable: string, value: string): boolean {
  return SERVICE_LINK.test(variable) || (variable.endsWith('_PORT') && SERVICE_LINK_VALUE.test(value))
}

function suggestVariable(variable: string, table: SpellingTable): string | undefined {
  const suffix = variable.endsWith(FILE) ? FILE : ''
  const bare = variable.slice(0, variable.length - suffix.length)
  const named = splitNamed(bare, table)
  const match = nearest(named?.rest ?? bare, (named?.each ?? table).variables.keys())
  return match && `${named === undefined ? '' : `${screaming(named.key)}__${named.name}__`}${match}${suffix}`
}
