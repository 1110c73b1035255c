import { PathPattern } from '../routing/path-pattern.ts'
import { modern } from './dialect.ts'
import { asData, type Data, isOpenApi30, type OpenApiDocument, serverPath } from './document.ts'
import { type Operation, operationsOf } from './operations.ts'
import { clientPath, type PathChange, shapeOf } from './reach.ts'
import { Renaming } from './renamed.ts'

/** A route as far as it leads to documented services. */
export interface DocumentedRoute extends PathChange {
  readonly methods: readonly string[] | undefined
  /** Only some requests are taken, by more than the path and the method. */
  readonly isConditional: boolean
  readonly service: string | undefined
}

export interface ServiceDocument {
  readonly service: string
  /** Before the paths that the service sees. */
  readonly basePath: string
  readonly document: OpenApiDocument
}

export interface MergedInfo {
  readonly title: string
  readonly version: string
  /** What is missing, and why. */
  readonly missing: readonly { readonly service: string; readonly reason: string }[]
}

/**
 * One document of the gateway's: what clients reach, under the paths under which they reach it. Components and ids of operations bear the name
 * of their service, always, so that names stay the same whatever other services there are.
 * @param routes in the order in which they are written
 */
export function mergedDocument(
  routes: readonly DocumentedRoute[],
  documents: readonly ServiceDocument[],
  { title, version, missing }: MergedInfo,
): Data {
  const isOld = documents.length > 0 && documents.every(({ document }) => isOpenApi30(document))
  const paths = new Nested()
  const components = new Nested()
  const tags = new Map<string, unknown>()
  const ordered = routes.toSorted((one, other) => PathPattern.compare(one.pattern, other.pattern))
  for (const { service, basePath, document: given } of documents) {
    const document = !isOld && isOpenApi30(given) ? modern(given) : given
    const renaming = new Renaming(document, `${service.replaceAll(/[^\w.-]/g, '_')}.`)
    for (const operation of operationsOf(document)) {
      const seen = seenPath(document, basePath, operation.path)
      for (const route of routes.filter((each) => each.service === service)) {
        const path = clientPath(route, seen)
        if (path === undefined || !isTaken(ordered, route, path, operation.method)) continue
        paths.add(path, operation.method.toLowerCase(), () => operationFor(document, operation, path, renaming))
      }
    }
    addComponents(components, document, renaming)
    for (const tag of arrayOf(document['tags'])) tags.set(String(asData(tag)['name']), tag)
  }
  return {
    openapi: isOld ? '3.0.3' : '3.1.0',
    info: { title, version, ...(missing.length > 0 && { 'x-missing': missing }) },
    paths: paths.value,
    ...(Object.keys(components.value).length > 0 && { components: components.value }),
    ...(tags.size > 0 && { tags: [...tags.values()] }),
  }
}

/** The path that is written in requests to the service, without the one that the gateway puts before it. */
function seenPath(document: OpenApiDocument, basePath: string, path: string): string {
  const whole = serverPath(document) + path
  return basePath !== '' && whole.startsWith(`${basePath}/`) ? whole.slice(basePath.length) : whole
}

/** Whether requests for a path come to a route, and not to a more special one. */
function isTaken(ordered: readonly DocumentedRoute[], route: DocumentedRoute, path: string, method: string): boolean {
  const shape = shapeOf(path)
  const first = ordered.find(
    (each) => (each === route || !each.isConditional) && each.methods?.includes(method) !== false && each.pattern.covers(shape),
  )
  return first === route
}

function operationFor(document: OpenApiDocument, { item, own }: Operation, path: string, renaming: Renaming): unknown {
  const { servers: _, operationId, security = document['security'], ...rest } = own.value
  const parameters = [...arrayOf(item.value['parameters']), ...arrayOf(rest['parameters'])]
  return {
    ...(renaming.of(rest) as Data),
    ...(typeof operationId === 'string' && { operationId: renaming.name(operationId) }),
    ...(security !== undefined && { security: renaming.security(security) }),
    ...parametersFor(path, parameters, renaming),
  }
}

/** The path item's among them, and those that only the gateway's path has. */
function parametersFor(path: string, parameters: readonly unknown[], renaming: Renaming): Data {
  const known = parameters.map((each) => asData(each))
  const named = new Set(known.filter((each) => each['in'] === 'path').map(({ name }) => name))
  const hasReferences = known.some(({ $ref }) => $ref !== undefined)
  const own = hasReferences
    ? []
    : [...path.matchAll(/\{([^}]+)\}/g)]
        .map(([, name]) => name)
        .filter((name) => !named.has(name))
        .map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
  const all = [...(renaming.of(parameters) as unknown[]), ...own]
  return all.length === 0 ? {} : { parameters: all }
}

function addComponents(components: Nested, document: OpenApiDocument, renaming: Renaming): void {
  for (const [kind, some] of Object.entries(document.components ?? {}))
    for (const [name, component] of Object.entries(asData(some)))
      components.add(kind, renaming.name(name), () => renaming.of(component))
}

/** Objects in an object, without a prototype: the names come from services. */
class Nested {
  readonly value = Object.create(null) as Record<string, Record<string, unknown>>

  /** What is there already stays. */
  add(outer: string, inner: string, make: () => unknown): void {
    this.value[outer] ??= Object.create(null) as Record<string, unknown>
    const own = this.value[outer]
    own[inner] ??= make()
  }
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
