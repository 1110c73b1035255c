import { asData, type Data, isData, type Located, type OpenApiDocument, pointerTo, resolved } from './document.ts'

export type ParameterPlace = 'path' | 'query' | 'header' | 'cookie'

/** What a request says, by place. */
export interface Presented {
  readonly path: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** @param name in lower case */
  header(name: string): string | undefined
  cookies(): Readonly<Record<string, string>>
}

export interface Parameter {
  readonly name: string
  readonly place: ParameterPlace
  readonly isRequired: boolean
  /** A reference to its schema; absent: anything. */
  readonly schema: string | undefined
  /** @returns undefined: it is not there. @throws SyntaxError for what is to be JSON and is not */
  read(presented: Presented): unknown
}

/** https://spec.openapis.org/oas/v3.1.0#parameter-object: what these three would say is said elsewhere. */
const IGNORED: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization'])
const STYLES: Readonly<Record<ParameterPlace, string>> = { path: 'simple', query: 'form', header: 'simple', cookie: 'form' }
const SEPARATORS: Readonly<Record<string, string>> = { form: ',', simple: ',', spaceDelimited: ' ', pipeDelimited: '|' }

/** Those of an operation: the path item's, and its own in their place. @throws Error for references that lead nowhere */
export function parametersOf(document: OpenApiDocument, lists: readonly Located[]): readonly Parameter[] {
  const found = new Map<string, Parameter>()
  for (const { value, pointer } of lists) {
    const { parameters } = value
    if (!Array.isArray(parameters)) continue
    for (const [at, each] of parameters.entries()) {
      const parameter = parameterOf(document, resolved(document, each, `${pointer}/parameters/${at}`))
      if (parameter !== undefined) found.set(`${parameter.place} ${parameter.name}`, parameter)
    }
  }
  return [...found.values()]
}

function parameterOf(document: OpenApiDocument, { value, pointer }: Located): Parameter | undefined {
  const { name, in: place, required, content, schema, style, explode } = value
  if (typeof name !== 'string' || !isPlace(place)) return undefined
  if (place === 'header' && IGNORED.has(name.toLowerCase())) return undefined
  const [type] = Object.keys(asData(content))
  const how = typeof style === 'string' ? style : STYLES[place]
  const common = { name, place, isRequired: required === true || place === 'path' }
  const raw = rawOf(name, place)
  if (type !== undefined) {
    const at = `${pointer}/${pointerTo('content', type, 'schema').slice(2)}`
    const isJson = /[/+]json$/i.test(type)
    return {
      ...common,
      schema: isJson && isData(asData(asData(content)[type])['schema']) ? at : undefined,
      read: (presented) => parsed(raw(presented), isJson),
    }
  }
  const shape = shapeOf(document, schema, `${pointer}/schema`)
  const isChecked = schema !== undefined && (SEPARATORS[how] !== undefined || how === 'deepObject')
  return {
    ...common,
    schema: isChecked ? `${pointer}/schema` : undefined,
    read: readerOf({ name, place, how, explodes: typeof explode === 'boolean' ? explode : how === 'form', shape, raw }),
  }
}

function parsed(text: string | undefined, isJson: boolean): unknown {
  return text === undefined || !isJson ? text : (JSON.parse(text) as unknown)
}

type Raw = (presented: Presented) => string | undefined

function rawOf(name: string, place: ParameterPlace): Raw {
  if (place === 'path') return ({ path }) => path[name]
  if (place === 'query') return ({ query }) => query.get(name) ?? undefined
  if (place === 'cookie') return ({ cookies }) => cookies()[name]
  const lower = name.toLowerCase()
  return ({ header }) => header(lower)
}

interface Shape {
  readonly kind: 'plain' | 'array' | 'object'
  readonly members: readonly string[]
}

interface Wording {
  readonly name: string
  readonly place: ParameterPlace
  readonly how: string
  readonly explodes: boolean
  readonly shape: Shape
  readonly raw: Raw
}

function readerOf({ name, place, how, explodes, shape: { kind, members }, raw }: Wording): (presented: Presented) => unknown {
  const separator = SEPARATORS[how] ?? ','
  const parts = (text: string | undefined): readonly string[] | undefined => text?.split(separator).map((part) => part.trim())
  if (kind === 'array') {
    if (place !== 'query' || !explodes) return (presented) => parts(raw(presented))
    return ({ query }) => (query.has(name) ? query.getAll(name) : undefined)
  }
  if (kind === 'object') {
    if (how === 'deepObject') return ({ query }) => deep(query, name)
    if (place === 'query' && explodes) return ({ query }) => someOf(members, (member) => query.get(member) ?? undefined)
    return (presented) => pairs(parts(raw(presented)), explodes)
  }
  return raw
}

function deep(query: URLSearchParams, name: string): Data | undefined {
  const names = [...new Set(query.keys())].filter((key) => key.startsWith(`${name}[`) && key.endsWith(']'))
  return someOf(
    names.map((key) => key.slice(name.length + 1, -1)),
    (member) => {
      const all = query.getAll(`${name}[${member}]`)
      return all.length > 1 ? all : all[0]
    },
  )
}

function someOf(members: readonly string[], read: (member: string) => unknown): Data | undefined {
  const found = members.map((member) => [member, read(member)] as const).filter(([, value]) => value !== undefined)
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

/** `role,admin,level,7`, exploded `role=admin,level=7`. */
function pairs(parts: readonly string[] | undefined, explodes: boolean): Data | undefined {
  if (parts === undefined) return undefined
  if (explodes) return Object.fromEntries(parts.map((part) => [part.split('=')[0] ?? '', part.slice(part.indexOf('=') + 1)]))
  return Object.fromEntries(parts.flatMap((part, at) => (at % 2 === 0 ? [[part, parts[at + 1] ?? '']] : [])))
}

function shapeOf(document: OpenApiDocument, schema: unknown, pointer: string): Shape {
  const { type, properties, items } = resolved(document, schema, pointer).value
  const types = Array.isArray(type) ? type : [type]
  if (types.includes('array') || (type === undefined && items !== undefined)) return { kind: 'array', members: [] }
  if (types.includes('object') || (type === undefined && properties !== undefined))
    return { kind: 'object', members: Object.keys(asData(properties)) }
  return { kind: 'plain', members: [] }
}

function isPlace(value: unknown): value is ParameterPlace {
  return typeof value === 'string' && Object.hasOwn(STYLES, value)
}
