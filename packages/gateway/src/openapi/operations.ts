import { asData, type Located, METHODS, type OpenApiDocument, pointerTo, resolved, serverPath } from './document.ts'
import { PathTemplate } from './path-template.ts'

/** An operation of a document, and what stands around it. */
export interface Operation {
  /** In capitals. */
  readonly method: string
  readonly path: string
  readonly item: Located
  readonly own: Located
}

/** Every operation of a document. @throws Error for references that lead nowhere */
export function operationsOf(document: OpenApiDocument): readonly Operation[] {
  return Object.entries(document.paths ?? {})
    .filter(([path]) => path.startsWith('/'))
    .flatMap(([path, value]) => {
      const item = resolved(document, value, pointerTo('paths', path))
      return METHODS.filter((method) => item.value[method] !== undefined).map((method) => {
        const own = { value: asData(item.value[method]), pointer: `${item.pointer}/${method}` }
        return { method: method.toUpperCase(), path, item, own }
      })
    })
}

interface Place<Kept> {
  readonly template: PathTemplate
  readonly byMethod: Map<string, Kept>
}

export interface Found<Kept> {
  /** By the method; absent: the path has others. */
  readonly kept: Kept | undefined
  readonly methods: readonly string[]
  /** Of the path, decoded. */
  readonly parameters: Readonly<Record<string, string>>
}

/** Finds operations by the paths of requests. */
export class OperationTable<Kept> {
  readonly #base: string
  readonly #plain = new Map<string, Place<Kept>>()
  readonly #templated = new Map<number, Place<Kept>[]>()

  /** @param base before the document's paths; absent: the path of its first server */
  constructor(document: OpenApiDocument, base: string | undefined, keep: (operation: Operation) => Kept) {
    this.#base = base ?? serverPath(document)
    for (const operation of operationsOf(document)) this.#placeOf(operation.path).byMethod.set(operation.method, keep(operation))
  }

  /** @param path as the service sees it, as it is written @returns undefined: the document has no such path */
  find(method: string, path: string): Found<Kept> | undefined {
    if (!path.startsWith(this.#base)) return undefined
    const own = path.slice(this.#base.length) || '/'
    // A path without parameters comes before one with (OpenAPI 3.1, Paths Object).
    const plain = this.#plain.get(own)
    if (plain !== undefined) return foundIn(plain, method, {})
    for (const place of this.#templated.get(own.split('/').length) ?? []) {
      const parameters = place.template.match(own)
      if (parameters !== undefined) return foundIn(place, method, parameters)
    }
    return undefined
  }

  #placeOf(path: string): Place<Kept> {
    const template = new PathTemplate(path)
    const { names, segmentCount } = template
    const like = this.#templated.get(segmentCount) ?? []
    const known = names.length === 0 ? this.#plain.get(path) : like.find((place) => place.template.text === path)
    if (known !== undefined) return known
    const place = { template, byMethod: new Map<string, Kept>() }
    if (names.length === 0) this.#plain.set(path, place)
    else
      this.#templated.set(
        segmentCount,
        [...like, place].sort((one, other) => one.template.names.length - other.template.names.length),
      )
    return place
  }
}

function foundIn<Kept>({ byMethod }: Place<Kept>, method: string, parameters: Readonly<Record<string, string>>): Found<Kept> {
  const kept = byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined)
  return { kept, methods: [...byMethod.keys()], parameters }
}
