/** A message as ts-proto generates it with its JSON functions (`outputJsonMethods`, which is its default and that of `comm-proto`). */
export interface GrpcMessage {
  // biome-ignore lint/suspicious/noExplicitAny: as ts-proto declares it
  fromJSON(object: any): unknown
  toJSON(message: never): unknown
}

export interface GrpcMethod {
  /** As in the `.proto` file: `TakePayment`. */
  readonly name: string
  readonly requestType: GrpcMessage
  readonly requestStream: boolean
  readonly responseType: GrpcMessage
  readonly responseStream: boolean
}

/** The definition of a service as ts-proto generates it for nice-grpc. */
export interface GrpcDefinition {
  /** `payments.v1.PaymentService`. */
  readonly fullName: string
  /** By their names in TypeScript: `takePayment`. */
  readonly methods: Readonly<Record<string, GrpcMethod>>
}

/** JSON over HTTP from clients becomes a unary call of gRPC. */
export interface GrpcRouteConfig {
  /** Whose instances are called; it has no automatic route then. */
  readonly service: string
  /** Either this, or `fullName` and one of `descriptors` and `reflection`. */
  readonly definition?: GrpcDefinition
  /** `payments.v1.PaymentService`. */
  readonly fullName?: string
  /** A `google.protobuf.FileDescriptorSet` with its imports, as `buf build` writes it; in a configuration's file the name of such a file. */
  readonly descriptors?: Uint8Array
  /** The server is asked by `grpc.reflection`, and now and then again. @default false */
  readonly reflection?: boolean
  /** `takePayment` or `TakePayment`. @default what stands at the `*` at the end of the route's path */
  readonly method?: string
  /** Fields of requests that go with the call as metadata, where they are there. @default ['authorization', 'traceparent', 'tracestate'] */
  readonly metadata?: readonly string[]
}

export const GRPC_ROUTE_DEFAULTS: Readonly<Required<Pick<GrpcRouteConfig, 'metadata'>>> = Object.freeze({
  metadata: Object.freeze(['authorization', 'traceparent', 'tracestate']),
})

/** Unary methods by both of their names. */
export function unaryMethods({ methods }: GrpcDefinition): ReadonlyMap<string, readonly [own: string, method: GrpcMethod]> {
  const unary = Object.entries(methods).filter(([, { requestStream, responseStream }]) => !requestStream && !responseStream)
  return new Map(unary.flatMap((entry) => [[entry[0], entry] as const, [entry[1].name, entry] as const]))
}
