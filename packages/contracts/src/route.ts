import { arrayOf, checkOptions, nonEmptyText, object, oneOf, type Rule, required, text } from '@comm/core/options'
import { standardSchema } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type Method = (typeof METHODS)[number]

/** The types of a route: what its handler gets, and by status what it answers with. */
export interface RouteTypes {
  readonly params?: unknown
  readonly query?: unknown
  readonly body?: unknown
  readonly answers: object
}

/** `undefined` where a route has none. */
type Part<Types extends RouteTypes, Name extends keyof RouteTypes> = Name extends keyof Types ? Types[Name] : undefined

/** An operation of an HTTP API: `Route<{ body: NewOrder; answers: { 201: Order } }>`. */
export type Route<Types extends RouteTypes> = RouteOf<
  Part<Types, 'params'>,
  Part<Types, 'query'>,
  Part<Types, 'body'>,
  Types['answers']
>

/** Where an operation is, what it takes and what it answers. */
export interface RouteOf<Params, Query, Body, Answers> {
  /** Its name in documents and generated clients, unique within a service: `placeOrder`. */
  readonly id: string
  readonly method: Method
  /** `/orders/:id`: each part is fixed or a parameter. */
  readonly path: string
  readonly summary?: string
  readonly tags?: readonly string[]
  /** Of the parameters in the path, which arrive as texts. */
  readonly params?: StandardSchemaV1<unknown, Params>
  /** Of the query, whose values arrive as texts. */
  readonly query?: StandardSchemaV1<unknown, Query>
  readonly body?: StandardSchemaV1<unknown, Body>
  /** By status. `noBody` is the schema of an answer without a body. */
  readonly answers: { readonly [Status in keyof Answers]: StandardSchemaV1<Answers[Status]> }
  /** The problem documents (RFC 9457) that callers should be ready for, by status: what each means. */
  readonly problems?: Readonly<Record<number, string>>
}

/** A route whose types do not matter. */
export interface AnyRoute {
  readonly id: string
  readonly method: Method
  readonly path: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly params?: StandardSchemaV1
  readonly query?: StandardSchemaV1
  readonly body?: StandardSchemaV1
  readonly answers: Readonly<Record<number, StandardSchemaV1>>
  readonly problems?: Readonly<Record<number, string>>
}

/** What a handler gets. */
export interface RouteInput<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
}

/** What a handler answers with: one of the statuses, and the body that belongs to it. */
export type RouteAnswer<Answers> = {
  readonly [Status in keyof Answers]: Answers[Status] extends undefined
    ? { readonly status: Numeric<Status>; readonly body?: undefined }
    : { readonly status: Numeric<Status>; readonly body: Answers[Status] }
}[keyof Answers]

/** Keys that are inferred are texts. */
type Numeric<Key> = Key extends `${infer Status extends number}` ? Status : Key

/** Of an answer without a body: `answers: { 204: noBody }`. */
export const noBody: StandardSchemaV1<undefined> = Object.freeze({
  '~standard': {
    version: 1,
    vendor: 'comm',
    validate: (value: unknown) => (value === undefined ? { value } : { issues: [{ message: 'there must be no body' }] }),
  },
} as const)

const path: Rule = {
  expected: "a path such as '/orders/:id'",
  accepts: (value) =>
    typeof value === 'string' && /^\/(?:$|(?::[A-Za-z_]\w*|[\w.~-]+)(?:\/(?::[A-Za-z_]\w*|[\w.~-]+))*$)/.test(value),
}
const identifier: Rule = {
  expected: "a name such as 'placeOrder', of letters, digits, _ and -",
  accepts: (value) => typeof value === 'string' && /^[A-Za-z_][\w-]*$/.test(value),
}
const byStatus = (item: Rule): Rule => ({
  expected: `an object that has ${item.expected} by status, 200 to 599`,
  accepts: (value) =>
    object.accepts(value) &&
    Object.entries(value as object).every(([status, each]) => /^[2-5]\d\d$/.test(status) && item.accepts(each)),
})

/**
 * Declares an operation. Schemas are of any library that implements Standard Schema.
 * @throws ConfigurationError
 */
export function route<Answers extends object, Params = undefined, Query = undefined, Body = undefined>(
  options: RouteOf<Params, Query, Body, Answers>,
): RouteOf<Params, Query, Body, Answers> {
  checkOptions('route', options, {
    id: required(identifier),
    method: required(oneOf(...METHODS)),
    path: required(path),
    summary: nonEmptyText,
    tags: arrayOf(text),
    params: standardSchema,
    query: standardSchema,
    body: standardSchema,
    answers: required(byStatus(standardSchema)),
    problems: byStatus(nonEmptyText),
  })
  return Object.freeze({ ...options })
}

/** The parameters of a path, in order. */
export function parametersOf(path: string): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
}
