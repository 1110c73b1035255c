import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from '@comm/core/schema'
import { embedded } from './embed.ts'

/** The schemas of a document: each once, under its title where it has one that can be a name. */
export class Components {
  readonly schemas: Record<string, JsonSchema> = {}

  /** @param name for a schema without a title, unique in the document */
  add(name: string, schema: JsonSchema): { readonly $ref: string } {
    const { title = '' } = schema
    const own = /^[\w.-]+$/.test(title) && this.#isFree(title, schema) ? title : name
    this.schemas[own] = embedded(schema, pointerTo(own))
    return { $ref: pointerTo(own) }
  }

  #isFree(name: string, schema: JsonSchema): boolean {
    const there = this.schemas[name]
    return there === undefined || isDeepStrictEqual(there, embedded(schema, pointerTo(name)))
  }
}

function pointerTo(name: string): string {
  return `#/components/schemas/${name}`
}
