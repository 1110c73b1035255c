/** An OpenAPI document (3.0 or 3.1) as an object; its references point into itself. */
export interface OpenApiDocument {
  readonly openapi: string
  readonly paths?: Readonly<Record<string, unknown>>
  readonly components?: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

export type Data = Readonly<Record<string, unknown>>

/** The fields of a path item that are operations. */
export const METHODS: readonly string[] = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

export function isDocument(value: unknown): value is OpenApiDocument {
  return (
    isData(value) && /^3\.[01]\.\d+/.test(String(value['openapi'])) && (value['paths'] === undefined || isData(value['paths']))
  )
}

export function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function asData(value: unknown): Data {
  return isData(value) ? value : {}
}

export function isOpenApi30({ openapi }: OpenApiDocument): boolean {
  return openapi.startsWith('3.0')
}

/** A place in a document, as a reference to it. */
export function pointerTo(...keys: readonly string[]): string {
  return `#/${keys.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
}

/** What stands at a place. @param pointer `#/components/schemas/Order` @returns undefined: nothing, or it is in another document */
export function at(document: OpenApiDocument, pointer: string): unknown {
  if (!pointer.startsWith('#/')) return undefined
  let found: unknown = document
  for (const key of pointer.slice(2).split('/')) {
    if (typeof found !== 'object' || found === null) return undefined
    const name = decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')
    found = Object.hasOwn(found, name) ? (found as Data)[name] : undefined
  }
  return found
}

export interface Located {
  readonly value: Data
  readonly pointer: string
}

const MOST_STEPS = 32

/** Follows references to what they mean. @throws Error for one that leads nowhere */
export function resolved(document: OpenApiDocument, value: unknown, pointer: string): Located {
  let here = { value: asData(value), pointer }
  for (let step = 0; step < MOST_STEPS; step++) {
    const { $ref } = here.value
    if (typeof $ref !== 'string') return here
    const next = at(document, $ref)
    if (!isData(next)) throw new Error(`${pointer} refers to ${$ref}, which is nowhere in the document`)
    here = { value: next, pointer: $ref }
  }
  throw new Error(`${pointer} refers to itself`)
}

/** The path of the first of its servers, where its paths begin; '' for the root. */
export function serverPath(document: OpenApiDocument): string {
  const servers = document['servers']
  const { url } = asData(Array.isArray(servers) ? servers[0] : undefined)
  if (typeof url !== 'string' || url.includes('{')) return ''
  return URL.canParse(url, 'http://any') ? new URL(url, 'http://any').pathname.replace(/\/$/, '') : ''
}
