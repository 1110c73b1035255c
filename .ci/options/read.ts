import { type Declared, Module } from './module.ts'
import { type Shape, shapeOf } from './shape.ts'

export type { Option, Parent } from './shape.ts'

/** An exported type of options. */
export interface OptionsType extends Shape {
  readonly name: string
  readonly meaning: string
  readonly declared: Declared
}

const IS_OPTIONS = /(?:Options|Settings|Config)$/

/**
 * The options types that a module exports, itself or from others, in order of their names; types of plain data that options have as values are
 * among them.
 * @throws Error when a file cannot be parsed
 */
export function readOptions(file: string): readonly OptionsType[] {
  const module = Module.at(file)
  const exported = new Map(
    module.exportedNames.flatMap((name) => {
      const declared = module.exported(name)
      return declared === undefined ? [] : [[name, optionsType(name, declared)] as const]
    }),
  )
  const found = new Set([...exported.values()].filter(({ name }) => IS_OPTIONS.test(name)))
  // A set gives what is added while it is gone through.
  for (const { options, oneOf, byName } of found) {
    const named = new Set([
      ...[...options, ...(byName ? [byName] : [])].flatMap(({ names }) => names),
      ...oneOf.flatMap(({ declared }) => declared ?? []),
    ])
    for (const type of exported.values()) if (named.has(type.declared) && isData(type)) found.add(type)
  }
  return [...found].filter(saysSomething).sort((one, other) => (one.name < other.name ? -1 : 1))
}

function optionsType(name: string, declared: Declared): OptionsType {
  return { name, meaning: declared.doc.meaning, declared, ...shapeOf(declared) }
}

/** A plain object, in contrast to a thing with methods such as a logger. */
function isData({ options, parents, oneOf, text, byName }: OptionsType): boolean {
  const members = [...options, ...parents.flatMap((parent) => parent.options)]
  return (
    members.every(({ type }) => !type.startsWith('(') && !type.startsWith('<')) &&
    (members.length + oneOf.length > 0 || (text ?? byName) !== undefined)
  )
}

function saysSomething({ options, parents, oneOf, text, byName }: OptionsType): boolean {
  return (
    options.length + oneOf.length > 0 || (text ?? byName) !== undefined || parents.some((parent) => parent.options.length > 0)
  )
}
