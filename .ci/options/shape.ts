import type { TSSignature, TSType, TSTypeReference } from 'oxc-parser'
import type { Declared, Module } from './module.ts'

export interface Option {
  readonly key: string
  readonly type: string
  /** Types of this workspace that its type names. */
  readonly names: readonly Declared[]
  readonly isRequired: boolean
  /** As `@default` says it. */
  readonly default: string | undefined
  readonly meaning: string
}

/** A type whose options another has too. */
export interface Parent {
  /** Undefined: not a type of this workspace. */
  readonly declared: Declared | undefined
  readonly text: string
  readonly except: readonly string[]
  readonly options: readonly Option[]
}

/** What an object of a type holds. */
export interface Shape {
  readonly options: readonly Option[]
  readonly parents: readonly Parent[]
  /** Types of which it is one. */
  readonly oneOf: readonly Parent[]
  /** The whole of what has more to it than keys: a choice between objects and functions, say. */
  readonly text: string | undefined
  /** The type of each value, where the keys are up to the user. */
  readonly byName: Option | undefined
}

const EMPTY: Shape = Object.freeze({ options: [], parents: [], oneOf: [], text: undefined, byName: undefined })

export function shapeOf({ module, node }: Declared): Shape {
  if (node.type === 'TSTypeAliasDeclaration') return shapeOfType(node.typeAnnotation, module)
  const parents = node.extends.flatMap(({ expression, typeArguments, start, end }) => {
    if (expression.type !== 'Identifier') return []
    return [shapeOfReference(expression.name, typeArguments?.params ?? [], module, module.between({ start, end }))]
  })
  return merged([...parents, { ...EMPTY, options: optionsOf(node.body.body, module) }])
}

/** Its options and those of its parents; its own way of saying one counts. */
export function allOptions({ options, parents }: Pick<Shape, 'options' | 'parents'>): readonly Option[] {
  const all = new Map<string, Option>()
  for (const parent of parents) for (const option of parent.options) all.set(option.key, option)
  for (const option of options) all.set(option.key, option)
  return [...all.values()]
}

function shapeOfType(type: TSType, module: Module): Shape {
  switch (type.type) {
    case 'TSParenthesizedType':
      return shapeOfType(type.typeAnnotation, module)
    case 'TSTypeLiteral':
      return { ...EMPTY, options: optionsOf(type.members, module) }
    case 'TSIntersectionType':
      return merged(type.types.map((each) => shapeOfType(each, module)))
    case 'TSUnionType':
      return union(type.types, module)
    case 'TSTypeReference':
      return type.typeName.type === 'Identifier'
        ? shapeOfReference(type.typeName.name, argumentsOf(type), module, module.between(type))
        : EMPTY
    default:
      return EMPTY
  }
}

function shapeOfReference(name: string, given: readonly TSType[], module: Module, text: string): Shape {
  const [first, second] = given
  if (first !== undefined && ['Partial', 'Required', 'Readonly'].includes(name)) {
    const shape = shapeOfType(first, module)
    return name === 'Readonly' ? shape : withNeed(shape, name === 'Required')
  }
  if (name === 'Record' && second !== undefined) {
    const byName = { key: '*', type: module.between(second), names: namesIn(second, module), isRequired: false }
    return { ...EMPTY, byName: { ...byName, default: undefined, meaning: '' } }
  }
  if (first !== undefined && second !== undefined && (name === 'Omit' || name === 'Pick')) {
    return chosen(shapeOfType(first, module), keysOf(second, module), name)
  }
  const declared = module.named(name)
  const shape = declared === undefined ? EMPTY : shapeOf(declared)
  return { ...EMPTY, byName: shape.byName, parents: [{ declared, text, except: [], options: allOptions(shape) }] }
}

/** All options of what is picked; of what is left out, what was left. */
function chosen(shape: Shape, keys: readonly string[], how: 'Omit' | 'Pick'): Shape {
  if (how === 'Pick') return { ...EMPTY, options: allOptions(shape).filter(({ key }) => keys.includes(key)) }
  const isLeft = ({ key }: Option): boolean => !keys.includes(key)
  return {
    ...shape,
    options: shape.options.filter(isLeft),
    parents: shape.parents.map((parent) => {
      const except = keys.filter((key) => parent.options.some((option) => option.key === key))
      return { ...parent, except: [...parent.except, ...except], options: parent.options.filter(isLeft) }
    }),
  }
}

/** It matters to a reader who has the parents before them, so nothing refers to those any more. */
function withNeed(shape: Shape, isRequired: boolean): Shape {
  return { ...EMPTY, options: allOptions(shape).map((option) => ({ ...option, isRequired })) }
}

function merged(shapes: readonly Shape[]): Shape {
  return {
    options: shapes.flatMap(({ options }) => options),
    parents: shapes.flatMap(({ parents }) => parents),
    oneOf: shapes.flatMap(({ oneOf }) => oneOf),
    text: shapes.find(({ text }) => text !== undefined)?.text,
    byName: shapes.find(({ byName }) => byName !== undefined)?.byName,
  }
}

/** Named types, or what is written there. */
function union(types: readonly TSType[], module: Module): Shape {
  const shapes = types.map((each) => shapeOfType(each, module))
  const named = shapes.map(({ parents }) => parents)
  const isNamed = named.every((parents) => parents.length > 0) && named.flat().some(({ options }) => options.length > 0)
  const text = types.map((each) => module.between(each)).join(' | ')
  return { ...EMPTY, ...(isNamed ? { oneOf: named.flat() } : { text }) }
}

function argumentsOf({ typeArguments }: TSTypeReference): readonly TSType[] {
  return typeArguments?.params ?? []
}

/** `'a' | 'b'`, written there or under a name. */
function keysOf(type: TSType, module: Module): readonly string[] {
  if (type.type === 'TSLiteralType') {
    return type.literal.type === 'Literal' && typeof type.literal.value === 'string' ? [type.literal.value] : []
  }
  if (type.type === 'TSUnionType') return type.types.flatMap((each) => keysOf(each, module))
  if (type.type !== 'TSTypeReference' || type.typeName.type !== 'Identifier') return []
  const declared = module.named(type.typeName.name)
  return declared?.node.type === 'TSTypeAliasDeclaration' ? keysOf(declared.node.typeAnnotation, declared.module) : []
}

function optionsOf(members: readonly TSSignature[], module: Module): readonly Option[] {
  return members.flatMap((member) => {
    if (member.type !== 'TSPropertySignature' && member.type !== 'TSMethodSignature') return []
    const doc = module.docBefore(member.start)
    const key = module.between(member.key)
    const isRequired = !member.optional
    if (member.type === 'TSMethodSignature') {
      return [{ key, type: module.between({ start: member.key.end, end: member.end }), names: [], isRequired, ...doc }]
    }
    const type = member.typeAnnotation?.typeAnnotation
    if (type?.type === 'TSTypeLiteral') {
      const inner = optionsOf(type.members, module).map((option) => ({ ...option, key: `${key}.${option.key}` }))
      return [{ key, type: 'object', names: [], isRequired, ...doc }, ...inner]
    }
    return [{ key, type: type ? module.between(type) : 'unknown', names: type ? namesIn(type, module) : [], isRequired, ...doc }]
  })
}

/** The types that a value of this type is or holds; what functions get and give is not its own. */
function namesIn(type: TSType, module: Module): readonly Declared[] {
  switch (type.type) {
    case 'TSParenthesizedType':
    case 'TSTypeOperator':
      return namesIn(type.typeAnnotation, module)
    case 'TSArrayType':
      return namesIn(type.elementType, module)
    case 'TSUnionType':
    case 'TSIntersectionType':
      return type.types.flatMap((each) => namesIn(each, module))
    case 'TSTypeReference': {
      const declared = type.typeName.type === 'Identifier' ? module.named(type.typeName.name) : undefined
      return [...(declared === undefined ? [] : [declared]), ...argumentsOf(type).flatMap((each) => namesIn(each, module))]
    }
    default:
      return []
  }
}
