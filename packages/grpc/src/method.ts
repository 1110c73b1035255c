import type { CompatServiceDefinition, TsProtoServiceDefinition } from 'nice-grpc'

/** One method of a service, in the form in which grpc-js takes it. */
export interface Method {
  /** `/package.Service/Method`. */
  readonly path: string
  /** The path without its first slash: how logs, spans and metrics name it. */
  readonly fullName: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  /** The `.proto` file says that the call may be made twice. */
  readonly isIdempotent: boolean
  serializeRequest(value: unknown): Buffer
  deserializeResponse(bytes: Buffer): unknown
}

interface PlainMethod {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  requestSerialize(value: unknown): Uint8Array
  responseDeserialize(bytes: Uint8Array): unknown
  /** Of nice-grpc's definitions; grpc-js has none. */
  readonly options?: { readonly idempotencyLevel?: unknown }
}

type TsProtoMethod = TsProtoServiceDefinition['methods'][string]

/** The methods of a service definition (ts-proto's, nice-grpc's or grpc-js's), by their names in TypeScript. */
export function methodsOf(definition: CompatServiceDefinition): readonly (readonly [name: string, method: Method])[] {
  if (isTsProto(definition)) {
    const { fullName, methods } = definition
    return Object.entries(methods).map(([name, method]) => [name, fromTsProto(fullName, method)])
  }
  return Object.entries(definition).map(([name, method]) => [name, fromPlain(method as PlainMethod)])
}

export function isTsProto(definition: CompatServiceDefinition): definition is TsProtoServiceDefinition {
  return typeof definition['fullName'] === 'string' && 'methods' in definition
}

function fromTsProto(service: string, method: TsProtoMethod): Method {
  const { requestType, responseType, requestStream, responseStream, options } = method
  const { encode, fromPartial } = requestType
  return {
    ...names(`/${service}/${method.name}`),
    requestStream,
    responseStream,
    isIdempotent: isIdempotent(options.idempotencyLevel),
    serializeRequest: (value) => asBuffer(encode(fromPartial === undefined ? value : fromPartial(value)).finish()),
    deserializeResponse: (bytes) => responseType.decode(bytes),
  }
}

function fromPlain(method: PlainMethod): Method {
  return {
    ...names(method.path),
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    isIdempotent: isIdempotent(method.options?.idempotencyLevel),
    serializeRequest: (value) => asBuffer(method.requestSerialize(value)),
    deserializeResponse: (bytes) => method.responseDeserialize(bytes),
  }
}

function names(path: string): Pick<Method, 'path' | 'fullName'> {
  return { path, fullName: path.slice(1) }
}

/** `google.protobuf.MethodOptions.IdempotencyLevel`. */
function isIdempotent(level: unknown): boolean {
  return level === 'IDEMPOTENT' || level === 'NO_SIDE_EFFECTS'
}

/** A short array keeps its bytes in V8's heap, and a view of them would have to move them out first, which costs more than a copy. */
const SHORT = 4096

function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes
  return bytes.byteLength < SHORT ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
