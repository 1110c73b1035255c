import { arrayOf, boolean, nonEmptyText, object, type Rules, required } from '@comm/core/options'
import { type GrpcDefinition, type GrpcMethod, type GrpcRouteConfig, unaryMethods } from '../grpc/grpc-route.ts'
import { requireGrpcDynamic } from '../grpc/load-grpc.ts'
import { PathPattern } from '../routing/path-pattern.ts'
import type { Problems } from './problems.ts'
import type { RouteConfig } from './route-config.ts'
import type { Service } from './service.ts'

const GRPC: Rules<GrpcRouteConfig> = {
  service: required(nonEmptyText),
  definition: {
    expected: 'a service definition of ts-proto whose messages have fromJSON() and toJSON()',
    accepts: isDefinition,
  },
  fullName: { expected: "a name such as 'payments.v1.PaymentService'", accepts: isFullName },
  descriptors: { expected: 'the bytes of a file descriptor set', accepts: (value) => value instanceof Uint8Array },
  reflection: boolean,
  method: nonEmptyText,
  metadata: {
    expected: "an array of names of fields, without those of the protocol such as 'grpc-timeout' and of bytes ('-bin')",
    accepts: (value) =>
      arrayOf(nonEmptyText).accepts(value) &&
      (value as readonly string[]).every((name) => /^(?!(?:grpc-.*|te|content-type|.*-bin)$)[\w.-]+$/i.test(name)),
  },
}

/** What is wrong with the gRPC part of a route is among the problems then. */
export function checkGrpc(key: string, route: RouteConfig, services: ReadonlySet<string>, problems: Problems): void {
  const { grpc, cache, path } = route
  if (grpc === undefined || !problems.options(`${key}.grpc`, grpc, GRPC)) return
  const { service, definition, method, fullName, descriptors, reflection = false } = grpc
  const sources = [definition !== undefined, descriptors !== undefined, reflection].filter(Boolean).length
  if (sources !== 1)
    problems.note(
      `${key}.grpc`,
      sources === 0 ? 'none' : 'several',
      'an object with one of definition, descriptors and reflection',
    )
  if (definition === undefined && fullName === undefined)
    problems.add(`${key}.grpc.fullName`, fullName, 'given where there is no definition')
  if (definition !== undefined && fullName !== undefined)
    problems.add(`${key}.grpc.fullName`, fullName, 'left out where there is a definition, which has it')
  if (!services.has(service)) problems.add(`${key}.grpc.service`, service, `one of ${[...services].join(', ')}`)
  if (method === undefined && !new PathPattern(path).hasWildcard)
    problems.add(`${key}.grpc.method`, method, `given where the path does not end in '/*'`)
  const known = sources === 1 ? knownMethods(`${key}.grpc`, grpc, problems) : undefined
  if (method !== undefined && known?.has(method) === false)
    problems.add(`${key}.grpc.method`, method, `one of those with one request and one answer: ${[...known.keys()].join(', ')}`)
  if (cache !== undefined && cache !== false) problems.add(`${key}.cache`, cache, 'left out where there is grpc')
}

/** By both of their names, where they can be known beforehand. */
function knownMethods(
  key: string,
  { definition, descriptors, fullName }: GrpcRouteConfig,
  problems: Problems,
): ReadonlyMap<string, unknown> | undefined {
  if (definition !== undefined) return unaryMethods(definition)
  if (descriptors === undefined || fullName === undefined) return undefined
  const { definitionFrom } = requireGrpcDynamic()
  try {
    return unaryMethods(definitionFrom(descriptors, fullName))
  } catch (thrown) {
    problems.note(`${key}.descriptors`, `some of which it is said: ${(thrown as Error).message}`, `those of ${fullName}`)
    return undefined
  }
}

/** What a service cannot have whose instances speak gRPC. */
export function checkGrpcService({ name, basePath, healthCheck }: Service, problems: Problems): void {
  if (basePath !== '') problems.add(`services.${name}.url`, basePath, 'a URL without a path, because a route calls it by gRPC')
  if (healthCheck !== undefined)
    problems.note(`services.${name}.healthCheck`, 'one by HTTP', 'left out, because a route calls it by gRPC')
}

function isDefinition(value: unknown): boolean {
  if (!object.accepts(value)) return false
  const { fullName, methods } = value as Partial<GrpcDefinition>
  if (!nonEmptyText.accepts(fullName) || !object.accepts(methods)) return false
  return Object.values(methods as Readonly<Record<string, Partial<GrpcMethod> | null | undefined>>).every(
    (method) => typeof method?.requestType?.fromJSON === 'function' && typeof method.responseType?.toJSON === 'function',
  )
}

function isFullName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(value)
}
