import { createRequire } from 'node:module'
import type Convict from 'convict'
import { expectedOf, readValue } from './schema/read-value.ts'
import { type AnySchema, isNamed, isSetting, type Setting } from './schema/setting.ts'

type Tree = Record<string, unknown>

/**
 * Fills in the defaults of one section and what is nested in it, and checks the whole against its schema; convict does both.
 * Named sections are sections of their own: convict would take one that is called `default` for a default.
 * @param values what was set, nested as the schema is
 * @returns the section, without the settings that have neither a value nor a default
 */
export function applyDefaults(schema: AnySchema, values: Readonly<Tree>): Tree {
  const convict = createRequire(import.meta.url)('convict') as typeof Convict
  // Without these options convict reads the environment and the command line of the process by itself.
  const config = convict<Tree>(definitionOf(schema), { env: {}, args: [] })
  config.load(toConvict(schema, values)).validate({ allowed: 'strict' })
  return fromConvict(schema, config.getProperties() as Tree)
}

function definitionOf(schema: AnySchema): Convict.Schema<Tree> {
  const definition: Record<string, unknown> = {}
  for (const [key, node] of Object.entries(schema)) {
    if (isSetting(node))
      definition[key] = {
        doc: node.doc,
        default: pack(node, node.default),
        format: checkOf(node),
        sensitive: node.secret === true,
      }
    else if (!isNamed(node)) definition[key] = definitionOf(node)
  }
  return definition as Convict.Schema<Tree>
}

function checkOf(setting: Setting): (value: unknown) => void {
  return (value) => {
    if (readValue(setting, unpack(setting, value), 'ms') === undefined) throw new Error(`must be ${expectedOf(setting, 'ms')}`)
  }
}

function toConvict(schema: AnySchema, values: Readonly<Tree>): Tree {
  return mapTree(schema, values, pack)
}

function fromConvict(schema: AnySchema, values: Readonly<Tree>): Tree {
  return mapTree(schema, values, unpack)
}

function mapTree(schema: AnySchema, values: Readonly<Tree>, change: (setting: Setting, value: unknown) => unknown): Tree {
  const mapped: Tree = {}
  for (const [key, node] of Object.entries(schema)) {
    const value = values[key]
    if (value === undefined || isNamed(node)) continue
    mapped[key] = isSetting(node) ? change(node, value) : mapTree(node, value as Tree, change)
  }
  return mapped
}

/** A map travels through convict as a list of pairs: convict reads a dot in a key as a path. */
function pack({ kind }: Setting, value: unknown): unknown {
  return kind === 'map' && value !== undefined ? Object.entries(value as Tree) : value
}

function unpack({ kind }: Setting, value: unknown): unknown {
  return kind === 'map' ? Object.fromEntries(value as [string, unknown][]) : value
}
