import type { GrpcRouteConfig } from '../grpc/grpc-route.ts'
import type { AggregateConfig } from '../steps/aggregate.ts'
import type { Authenticate, AuthGate } from '../steps/auth.ts'
import type { CacheConfig } from '../steps/cache.ts'
import type { CorsConfig } from '../steps/cors.ts'
import type { MirrorConfig } from '../steps/mirror.ts'
import type { OpenApiRouteConfig } from '../steps/openapi.ts'
import type { RateLimitConfig } from '../steps/rate-limit.ts'
import type { TransformConfig } from '../steps/transform.ts'
import type { ValidateConfig } from '../steps/validate.ts'
import type { TimeoutsConfig } from '../upstream/timeouts.ts'

/** A value that a field or a parameter of the query must have: this very one, any, or one of these. */
export type Expected = string | true | readonly string[]

export interface WeightedTarget {
  readonly service: string
  /** Its share beside the others'. @default 1 */
  readonly weight?: number
}

export interface FallbackConfig {
  /** @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text as it is; anything else as JSON. */
  readonly body: unknown
}

/** Which requests go where. Among routes of one path the first that matches is taken; a more special path comes before a general one. */
export interface RouteConfig {
  /** In logs and metrics. @default its path */
  readonly name?: string
  /** `/orders`, `/orders/:id`, `/orders/*` (which is `/orders` too). */
  readonly path: string
  /** @default all except TRACE and CONNECT */
  readonly methods?: readonly string[]
  /** `api.example.com`, `*.example.com`; without port. @default any */
  readonly hosts?: readonly string[]
  /** Fields that the request must have. */
  readonly headers?: Readonly<Record<string, Expected>>
  /** Parameters that its query must have. */
  readonly query?: Readonly<Record<string, Expected>>
  /** Name of the service; or `to`. */
  readonly service?: string
  /** Several services, by weight (canary). */
  readonly to?: readonly WeightedTarget[]
  /** Taken away from the beginning of the path. */
  readonly stripPrefix?: string
  /** The path that the service sees: `/v2/people/:id`, `/internal/*`, with the parameters of the route's. */
  readonly rewrite?: string
  /** Beside those of the service. */
  readonly timeouts?: TimeoutsConfig
  /** False: requests of this route are sent once. @default true */
  readonly retry?: boolean
  /** More bytes in a body of a request are answered with 413. @default Infinity */
  readonly maxBodyBytes?: number
  /** Pages of other origins. */
  readonly cors?: CorsConfig
  /** Only clients with a certificate of a trusted authority; needs `tls.requestCert`. @default false */
  readonly clientCertificate?: boolean
  /** Who asks: a function, or a `Gate` of `@comm/security`. What it throws is answered with 401 or 403. */
  readonly auth?: Authenticate | AuthGate
  readonly rateLimit?: RateLimitConfig
  /** JSON Schemas that requests must match; others are answered with 400. */
  readonly validate?: ValidateConfig
  readonly transform?: TransformConfig
  /** Another service sees the same requests. */
  readonly mirror?: MirrorConfig
  /** GET is answered by several services at once; in place of `service` and `to`. */
  readonly aggregate?: AggregateConfig
  /** JSON becomes a unary call of gRPC; in place of `service` and `to`. Without `methods` only POST is taken. Needs `@comm/grpc`. */
  readonly grpc?: GrpcRouteConfig
  /** One OpenAPI document of the services behind the gateway; in place of `service` and `to`. Without `methods` only GET is taken. */
  readonly openapi?: true | OpenApiRouteConfig
  /** The shared cache of RFC 9111. */
  readonly cache?: boolean | CacheConfig
  /** Answered in place of the gateway's own 5xx. */
  readonly fallback?: FallbackConfig
  /** Upgrades to WebSocket are passed on. @default true */
  readonly websocket?: boolean
}
