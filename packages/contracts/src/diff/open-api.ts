import { type AnySchema, at as pointed } from './alternatives.ts'
import type { Findings, Flow } from './findings.ts'

type Node = Readonly<Record<string, unknown>>
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/** What of an OpenAPI 3 document breaks its callers. */
export class OpenApiComparison {
  readonly #before: Node
  readonly #after: Node
  readonly #findings: Findings

  constructor(before: Node, after: Node, findings: Findings) {
    this.#before = before
    this.#after = after
    this.#findings = findings
  }

  run(): void {
    const next = new Map(entries(this.#after['paths']).map(([path, item]) => [anonymous(path), item]))
    for (const [path, item] of entries(this.#before['paths'])) {
      const other = next.get(anonymous(path))
      if (other === undefined) this.#findings.add('path-removed', path, 'is gone')
      else this.#path(path, this.#in('before', item), this.#in('after', other))
    }
  }

  #path(path: string, before: Node, after: Node): void {
    for (const method of METHODS.filter((each) => each in before)) {
      const at = `${method.toUpperCase()} ${path}`
      if (!(method in after)) this.#findings.add('operation-removed', at, 'is gone')
      else this.#operation(at, [before, node(before[method])], [after, node(after[method])])
    }
  }

  #operation(at: string, [itemBefore, before]: readonly [Node, Node], [itemAfter, after]: readonly [Node, Node]): void {
    this.#parameters(at, this.#parametersOf('before', itemBefore, before), this.#parametersOf('after', itemAfter, after))
    this.#body(at, this.#in('before', before['requestBody']), this.#in('after', after['requestBody']))
    const responses = node(after['responses'])
    for (const [status, response] of entries(before['responses'])) {
      const place = `${at} answer ${status}`
      if (!(status in responses)) this.#findings.add('answer-removed', place, 'is gone')
      else this.#content('out', place, this.#in('before', response), this.#in('after', responses[status]))
    }
    const [was, is] = [before['security'] ?? this.#before['security'], after['security'] ?? this.#after['security']]
    if (isOpen(was) && !isOpen(is)) this.#findings.add('security-required', at, 'needs credentials now')
  }

  #parameters(at: string, before: ReadonlyMap<string, Node>, after: ReadonlyMap<string, Node>): void {
    for (const [key, parameter] of before) {
      const other = after.get(key)
      const place = `${at} ${key}`
      if (other === undefined) this.#findings.add('parameter-removed', place, 'is gone')
      else {
        if (other['required'] === true && parameter['required'] !== true)
          this.#findings.add('parameter-required', place, 'must now be given')
        this.#findings.compare('in', place, parameter['schema'] as AnySchema, other['schema'] as AnySchema)
      }
    }
    for (const [key, parameter] of after) {
      if (!before.has(key) && parameter['required'] === true)
        this.#findings.add('parameter-required', `${at} ${key}`, 'must now be given')
    }
  }

  /** By place and name; those in a path by their place alone, since callers do not see the name. */
  #parametersOf(side: Side, ...holders: readonly Node[]): ReadonlyMap<string, Node> {
    const all = holders
      .flatMap(({ parameters }) => (parameters as readonly unknown[] | undefined) ?? [])
      .map((each) => this.#in(side, each))
    let inPath = 0
    return new Map(all.map((each) => [each['in'] === 'path' ? `path ${++inPath}` : `${each['in']} ${each['name']}`, each]))
  }

  #body(at: string, before: Node, after: Node): void {
    const isNew = before['content'] === undefined && after['content'] !== undefined
    if (after['required'] === true && before['required'] !== true)
      this.#findings.add('body-required', `${at} body`, 'must now be given')
    if (!isNew) this.#content('in', `${at} body`, before, after)
  }

  #content(flow: Flow, at: string, before: Node, after: Node): void {
    const next = node(after['content'])
    for (const [type, media] of entries(before['content'])) {
      const other = next[type]
      if (other === undefined) this.#findings.add('media-type-removed', at, `is no longer ${type}`)
      else this.#findings.compare(flow, at, media['schema'] as AnySchema, node(other)['schema'] as AnySchema)
    }
  }

  #in(side: Side, found: unknown): Node {
    const { $ref } = node(found)
    return typeof $ref === 'string' ? node(pointed(side === 'before' ? this.#before : this.#after, $ref)) : node(found)
  }
}

type Side = 'before' | 'after'

function node(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {}
}

function entries(value: unknown): readonly [string, Node][] {
  return Object.entries(node(value)) as [string, Node][]
}

/** Names of parameters are the document's own. */
function anonymous(path: string): string {
  return path.replace(/\{[^}]*\}/g, '{}')
}

function isOpen(security: unknown): boolean {
  return !Array.isArray(security) || security.length === 0 || security.some((each) => Object.keys(Object(each)).length === 0)
}
