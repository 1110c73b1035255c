import {
  arrayOf,
  boolean,
  callable,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
  withMethods,
} from '@comm/core/options'
import { HttpCache } from '@comm/http/cache'
import { isDocument } from '../openapi/document.ts'
import { isPathPattern, PathPattern } from '../routing/path-pattern.ts'
import { unknownParameters } from '../routing/rewrite.ts'
import type { AggregatePart } from '../steps/aggregate.ts'
import type { CorsConfig } from '../steps/cors.ts'
import type { MirrorConfig } from '../steps/mirror.ts'
import type { OpenApiRouteConfig } from '../steps/openapi.ts'
import type { RateLimitConfig } from '../steps/rate-limit.ts'
import type { TransformConfig } from '../steps/transform.ts'
import { type ValidateConfig, validateStep } from '../steps/validate.ts'
import type { OpenApiValidation } from '../steps/validate-openapi.ts'
import { checkGrpc } from './grpc-rules.ts'
import type { Problems } from './problems.ts'
import type { FallbackConfig, RouteConfig } from './route-config.ts'
import { isPath } from './service.ts'

type StepKey =
  | 'cors'
  | 'clientCertificate'
  | 'auth'
  | 'rateLimit'
  | 'validate'
  | 'transform'
  | 'mirror'
  | 'aggregate'
  | 'grpc'
  | 'openapi'
  | 'cache'
  | 'fallback'

export const STEP_RULES: Readonly<Record<StepKey, Rule>> = {
  cors: object,
  clientCertificate: boolean,
  auth: either(callable, withMethods('a Gate of @comm/security', 'admit')),
  rateLimit: object,
  validate: object,
  transform: object,
  mirror: object,
  aggregate: object,
  grpc: object,
  openapi: either(oneOf(true), object),
  cache: either(boolean, object),
  fallback: object,
}

const names = arrayOf(nonEmptyText)
const texts: Rule = {
  expected: 'an object whose values are strings without line breaks',
  accepts: (value) =>
    object.accepts(value) && Object.values(value as object).every((each) => typeof each === 'string' && !/[\r\n\0]/.test(each)),
}

const CORS: Rules<CorsConfig> = {
  origins: required({ ...names, expected: "an array of origins such as 'https://app.example.com', or '*'" }),
  methods: names,
  allowedHeaders: names,
  exposedHeaders: names,
  credentials: boolean,
  maxAgeMs: number({ min: 0 }),
}
const RATE_LIMIT: Rules<RateLimitConfig> = {
  perSecond: required(number({ above: 0 })),
  burst: number({ min: 1, integer: true }),
  key: {
    expected: "'address', 'principal', 'route', { header } or a function",
    accepts: (value) =>
      oneOf('address', 'principal', 'route').accepts(value) ||
      typeof value === 'function' ||
      (object.accepts(value) && nonEmptyText.accepts((value as { header?: unknown }).header)),
  },
  store: withMethods('a RateLimitStore', 'take'),
}
const VALIDATE: Rules<ValidateConfig> = { body: object, query: object, headers: object, openapi: object }
const OPENAPI: Rules<OpenApiValidation> = {
  document: required({ expected: 'an OpenAPI document, 3.0 or 3.1, as an object', accepts: isDocument }),
  basePath: { expected: "a path such as '/v2', or ''", accepts: (value) => value === '' || isPath(value) },
  unknown: oneOf('refuse', 'pass'),
}
const TRANSFORM: Rules<TransformConfig> = { request: object, response: object }
const REQUEST: Rules<NonNullable<TransformConfig['request']>> = {
  setHeaders: texts,
  removeHeaders: names,
  setQuery: texts,
  removeQuery: names,
  body: callable,
}
const RESPONSE: Rules<NonNullable<TransformConfig['response']>> = { setHeaders: texts, removeHeaders: names, body: callable }
const MIRROR: Rules<MirrorConfig> = { service: required(nonEmptyText), ratio: number({ min: 0, max: 1 }) }
const PART: Rules<AggregatePart> = {
  service: required(nonEmptyText),
  path: required({ expected: "a path such as '/users/:id'", accepts: isPathPattern }),
  required: boolean,
}
const MERGED: Rules<OpenApiRouteConfig> = {
  title: nonEmptyText,
  version: nonEmptyText,
  ttlMs: number({ min: 0, infinite: true }),
  timeoutMs: number({ above: 0 }),
}
const FALLBACK: Rules<FallbackConfig> = {
  status: number({ min: 200, max: 599, integer: true }),
  headers: texts,
  body: required({ expected: 'text, or something that JSON can hold', accepts: (value) => value !== undefined }),
}

/** What is wrong with the steps of a route is among the problems then. */
export function checkSteps(key: string, route: RouteConfig, services: ReadonlySet<string>, problems: Problems): void {
  const { path, cors, rateLimit, validate, transform, mirror, aggregate, openapi, cache, fallback } = route
  const known = `one of ${[...services].join(', ')}`
  if (
    cors !== undefined &&
    problems.options(`${key}.cors`, cors, CORS) &&
    cors.credentials === true &&
    cors.origins.includes('*')
  )
    problems.add(`${key}.cors.credentials`, true, "false where the origin is '*'")
  if (rateLimit !== undefined) problems.options(`${key}.rateLimit`, rateLimit, RATE_LIMIT)
  if (validate !== undefined) checkValidation(`${key}.validate`, validate, problems)
  if (transform !== undefined && problems.options(`${key}.transform`, transform, TRANSFORM)) {
    if (transform.request !== undefined) problems.options(`${key}.transform.request`, transform.request, REQUEST)
    if (transform.response !== undefined) problems.options(`${key}.transform.response`, transform.response, RESPONSE)
  }
  if (mirror !== undefined && problems.options(`${key}.mirror`, mirror, MIRROR) && !services.has(mirror.service))
    problems.add(`${key}.mirror.service`, mirror.service, known)
  for (const [name, part] of Object.entries(aggregate ?? {})) {
    const at = `${key}.aggregate.${name}`
    if (!problems.options(at, part, PART)) continue
    if (!services.has(part.service)) problems.add(`${at}.service`, part.service, known)
    if (unknownParameters(new PathPattern(path), part.path).length > 0)
      problems.add(`${at}.path`, part.path, `a path with parameters of ${path} only`)
  }
  checkGrpc(key, route, services, problems)
  if (typeof openapi === 'object') problems.options(`${key}.openapi`, openapi, MERGED)
  if (typeof cache === 'object')
    problems.attempt(
      () => new HttpCache({ ...cache, mode: 'shared' }),
      (inner) => inner.replace(/^HttpCache/, `${key}.cache`),
    )
  if (fallback !== undefined) problems.options(`${key}.fallback`, fallback, FALLBACK)
}

function checkValidation(key: string, validate: ValidateConfig, problems: Problems): void {
  if (!problems.options(key, validate, VALIDATE)) return
  const { openapi, ...schemas } = validate
  if (openapi !== undefined && !problems.options(`${key}.openapi`, openapi, OPENAPI)) return
  if (openapi !== undefined && Object.keys(schemas).length > 0)
    problems.note(key, `openapi and ${Object.keys(schemas).join(', ')}`, 'an object with either openapi or JSON Schemas')
  try {
    validateStep(validate)
  } catch (thrown) {
    if (openapi === undefined) problems.add(key, (thrown as Error).message, 'JSON Schemas')
    else problems.note(`${key}.openapi.document`, `one where ${(thrown as Error).message}`, 'a document that makes sense')
  }
}
