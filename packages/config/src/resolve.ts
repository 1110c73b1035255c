import { inspect } from 'node:util'
import { applyDefaults } from './apply-defaults.ts'
import type { Entry, Layer } from './layers/layer.ts'
import { redactValue } from './redact.ts'
import { type AnySchema, isNamed, isSetting, type Schema, type Setting } from './schema/setting.ts'

type Tree = Record<string, unknown>

const DEFAULT_SOURCE = 'default'

/** Where each setting's value came from, by path. */
export type Sources = ReadonlyMap<string, string>

export interface Resolved<Settings> {
  readonly settings: Settings
  readonly sources: Sources
}

/** Lays the layers over the defaults, later ones over earlier ones, setting by setting, and freezes the outcome. */
export function resolve<Settings>(schema: Schema<Settings>, layers: readonly Layer[]): Resolved<Settings> {
  const entries = new Map<string, Entry>()
  const names = new Set<string>()
  for (const layer of layers) {
    for (const [path, entry] of layer.entries) entries.set(path, entry)
    for (const name of layer.names) names.add(name)
  }
  const sources = new Map<string, string>()
  const settings = resolveSection(schema as AnySchema, '', { entries, names, sources })
  // The type of the schema says that what follows it has this type.
  return { settings: settings as Settings, sources }
}

interface Merged {
  readonly entries: ReadonlyMap<string, Entry>
  readonly names: ReadonlySet<string>
  readonly sources: Map<string, string>
}

function resolveSection(schema: AnySchema, at: string, merged: Merged): Readonly<Tree> {
  const section = applyDefaults(schema, collect(schema, at, merged))
  for (const [key, node] of Object.entries(schema)) {
    if (isNamed(node)) section[key] = resolveNamed(node.each, `${at}${key}.`, merged)
  }
  return seal(section, schema)
}

function resolveNamed(schema: AnySchema, prefix: string, merged: Merged): Readonly<Tree> {
  const paths = [...merged.names].filter((path) => path.startsWith(prefix))
  const sections = paths.map((path) => [path.slice(prefix.length), resolveSection(schema, `${path}.`, merged)] as const)
  return Object.freeze(Object.fromEntries(sections))
}

/** What was set in a section, nested as its schema is; notes the sources on the way. */
function collect(schema: AnySchema, at: string, merged: Merged): Tree {
  const values: Tree = {}
  for (const [key, node] of Object.entries(schema)) {
    const path = `${at}${key}`
    if (isNamed(node)) continue
    if (!isSetting(node)) {
      values[key] = collect(node, `${path}.`, merged)
      continue
    }
    const entry = merged.entries.get(path)
    merged.sources.set(path, entry?.source ?? DEFAULT_SOURCE)
    if (entry !== undefined) values[key] = entry.value
  }
  return values
}

/** Freezes a section and all inside it, and makes `inspect` and `JSON.stringify` show no secret of it. */
function seal(section: Tree, schema: AnySchema): Readonly<Tree> {
  for (const [key, node] of Object.entries(schema)) {
    const value = section[key]
    if (typeof value !== 'object' || value === null || isNamed(node)) continue
    if (isSetting(node)) freezeAll(value)
    else seal(value as Tree, node)
  }
  const toJSON = (): Tree => redactSection(section, schema)
  Object.defineProperty(section, 'toJSON', { value: toJSON })
  Object.defineProperty(section, inspect.custom, { value: () => toJSON() })
  return Object.freeze(section)
}

function freezeAll(value: object): void {
  for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) freezeAll(item)
  Object.freeze(value)
}

/** A plain copy that may be shown. */
export function redactSection(section: Readonly<Tree>, schema: AnySchema): Tree {
  const shown: Tree = {}
  for (const [key, node] of Object.entries(schema)) {
    const value = section[key]
    if (value === undefined) continue
    if (isSetting(node)) shown[key] = redactValue(value, node.secret === true, isFreeText(node))
    else if (!isNamed(node)) shown[key] = redactSection(value as Tree, node)
    else {
      const sections = Object.entries(value as Readonly<Record<string, Tree>>)
      shown[key] = Object.fromEntries(sections.map(([name, each]) => [name, redactSection(each, node.each)]))
    }
  }
  return shown
}

/** Headers, for one: the user chose the names and the texts. Services and loggers have names that tell nothing of their values. */
function isFreeText(node: Setting): boolean {
  return node.kind === 'map' && node.each.kind === 'text'
}
