import type { EndpointSource, Instance } from './balancing/instance.ts'

/**
 * What a manager hands out, as far as every implementation serves it. The packages that implement them widen
 * `ManagerComponents` by declaration merging, so that with `@comm/http` imported `manager.http` has that client's own type.
 */

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  text(): string
  /** The parsed body; its type is the caller's word. */
  json<Value = unknown>(): Value
}

export interface HttpCallOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly signal?: AbortSignal
}

export interface HttpCaller {
  request(method: string, target: string, options?: HttpCallOptions): Promise<HttpAnswer>
  get(target: string, options?: HttpCallOptions): Promise<HttpAnswer>
  post(target: string, options?: HttpCallOptions): Promise<HttpAnswer>
  put(target: string, options?: HttpCallOptions): Promise<HttpAnswer>
  patch(target: string, options?: HttpCallOptions): Promise<HttpAnswer>
  delete(target: string, options?: HttpCallOptions): Promise<HttpAnswer>
}

export interface ServiceCaller {
  /** The methods of a service, by its definition as it is generated from a `.proto` file. */
  service(definition: object): Readonly<Record<string, (request: never, options?: never) => unknown>>
}

export interface MeshCaller {
  /** The HTTP client of a service. */
  call(service: string): HttpCaller
  /** The methods of a gRPC service, by its definition. */
  grpc(service: string, definition: object): Promise<unknown>
}

export interface MessageHandlerMeta {
  readonly topic: string
  readonly id: string
  readonly correlationId: string
  readonly attempt: number
  readonly signal: AbortSignal
}

export interface Messenger {
  publish(topic: string, body: unknown): Promise<unknown>
  subscribe(
    topic: string,
    handler: (body: unknown, meta: MessageHandlerMeta) => unknown,
    options?: { readonly group?: string },
  ): Promise<AsyncDisposable>
}

/** An instance as it is announced. */
export interface AnnouncedInstance {
  readonly service: string
  readonly host: string
  readonly port: number
  readonly version?: string
  readonly zone?: string
}

export interface ServiceDirectory {
  /** Known until it is disposed of, or the manager stops. */
  register(instance: AnnouncedInstance): Promise<AsyncDisposable>
  resolve(service: string): Promise<readonly Instance[]>
  /** For balancers and clients: a source that knows its first list, and follows it while it is watched. */
  warm(service: string): Promise<EndpointSource>
}

/** Empty here: each client package adds its own, as `http: EnhancedHttpClient`. */
// biome-ignore lint/suspicious/noEmptyInterface: declaration merging needs an interface
export interface ManagerComponents {}
