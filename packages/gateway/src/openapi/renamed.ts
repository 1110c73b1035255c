import { asData, at, type Data, isData, type OpenApiDocument } from './document.ts'

/** Deeper ones are references in a circle that leads through paths, or would make a document without end. */
const DEEPEST = 4

/**
 * Gives what stands in a document other names for its components, so that those of several documents can stand side by side. What refers to
 * something else than a component gets what it refers to.
 */
export class Renaming {
  readonly #document: OpenApiDocument
  readonly #prefix: string

  constructor(document: OpenApiDocument, prefix: string) {
    this.#document = document
    this.#prefix = prefix
  }

  name(own: string): string {
    return this.#prefix + own
  }

  of(value: unknown, depth = 0): unknown {
    if (Array.isArray(value)) return value.map((each) => this.of(each, depth))
    if (!isData(value)) return value
    const { $ref } = value
    if (typeof $ref === 'string') {
      const [, kind, name] = /^#\/components\/([^/]+)\/(.+)$/.exec($ref) ?? []
      if (kind !== undefined) return { ...value, $ref: `#/components/${kind}/${this.#prefix}${name}` }
      return depth > DEEPEST ? {} : this.of(at(this.#document, $ref) ?? {}, depth + 1)
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === 'discriminator' ? this.#discriminator(inner) : this.of(inner, depth),
      ]),
    )
  }

  /** The schemes that an operation wants are named, not referred to. */
  security(wanted: unknown): unknown {
    if (!Array.isArray(wanted)) return wanted
    return wanted.map((each) =>
      Object.fromEntries(Object.entries(asData(each)).map(([name, scopes]) => [this.name(name), scopes])),
    )
  }

  /** https://spec.openapis.org/oas/v3.1.0#discriminator-object: values are references, or names of schemas. */
  #discriminator(value: unknown): unknown {
    if (!isData(value) || !isData(value['mapping'])) return value
    const mapping: Data = Object.fromEntries(
      Object.entries(value['mapping']).map(([key, schema]) => {
        const name = String(schema)
        const own = name.replace(/^#\/components\/schemas\//, '')
        return [key, name === own ? this.name(own) : `#/components/schemas/${this.name(own)}`]
      }),
    )
    return { ...value, mapping }
  }
}
