import type { ErrorObject } from 'ajv'

/** Something that is wrong with a request, and where: `query.page`, `body.items.0.sku`. */
export interface Issue {
  readonly path: string
  readonly message: string
}

export const MOST_ISSUES = 20

/** @param what names the part of the request */
export function issuesOf(what: string, errors: readonly ErrorObject[] | null | undefined): readonly Issue[] {
  return (errors ?? []).slice(0, MOST_ISSUES).map(({ instancePath, message = 'is wrong', params }) => {
    const { missingProperty, additionalProperty } = params as { missingProperty?: string; additionalProperty?: string }
    const named = missingProperty ?? additionalProperty
    return { path: `${what}${dotted(instancePath)}${named === undefined ? '' : `.${named}`}`, message }
  })
}

/** From a JSON pointer. */
function dotted(pointer: string): string {
  return pointer.replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}
