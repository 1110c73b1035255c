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

/** Empty here: each client package adds its own, as `http: EnhancedHttpClient`. */
// biome-ignore lint/suspicious/noEmptyInterface: declaration merging needs an interface
export interface ManagerComponents {}
