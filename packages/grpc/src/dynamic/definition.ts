import {
  createFileRegistry,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import { ConfigurationError } from '@comm/core'

/** A type of messages that is known from descriptors alone. */
export interface DynamicMessage {
  /** From protobuf's JSON; members that the message does not have are dropped. @throws Error */
  fromJSON(object: unknown): Message
  toJSON(message: Message): unknown
  encode(message: Message): { finish(): Uint8Array }
  decode(bytes: Uint8Array): Message
}

export interface DynamicMethod {
  /** As in the `.proto` file. */
  readonly name: string
  readonly requestType: DynamicMessage
  readonly requestStream: boolean
  readonly responseType: DynamicMessage
  readonly responseStream: boolean
  readonly options: { readonly idempotencyLevel?: 'IDEMPOTENT' | 'NO_SIDE_EFFECTS' }
}

/** What ts-proto would have generated, as far as `GrpcClient.service()` needs it. */
export interface DynamicDefinition {
  readonly name: string
  readonly fullName: string
  /** By their names in TypeScript. */
  readonly methods: Readonly<Record<string, DynamicMethod>>
}

const IDEMPOTENCY = {
  [MethodOptions_IdempotencyLevel.IDEMPOTENT]: { idempotencyLevel: 'IDEMPOTENT' },
  [MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS]: { idempotencyLevel: 'NO_SIDE_EFFECTS' },
  [MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN]: {},
} as const

/**
 * The definition of a service, without generated code.
 * @param descriptors a `google.protobuf.FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` and `buf build` write it
 * @param fullName `payments.v1.PaymentService`
 * @throws ConfigurationError for bytes that are none, and for a service that is not in them
 */
export function definitionFrom(descriptors: Uint8Array, fullName: string): DynamicDefinition {
  let registry: FileRegistry
  try {
    registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors))
  } catch (cause) {
    throw new ConfigurationError(
      `the descriptors of ${fullName} are not a file descriptor set with its imports: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
  const service = registry.getService(fullName)
  if (service === undefined) {
    const known = [...registry].filter((type): type is DescService => type.kind === 'service').map(({ typeName }) => typeName)
    throw new ConfigurationError(`the descriptors have no service ${fullName}; they have ${known.join(', ') || 'none'}`)
  }
  const methods = service.methods.map((method): [string, DynamicMethod] => [method.localName, methodOf(method, registry)])
  return Object.freeze({ name: service.name, fullName: service.typeName, methods: Object.freeze(Object.fromEntries(methods)) })
}

function methodOf({ name, input, output, methodKind, idempotency }: DescMethod, registry: FileRegistry): DynamicMethod {
  return Object.freeze({
    name,
    requestType: messageOf(input, registry),
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseType: messageOf(output, registry),
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    options: IDEMPOTENCY[idempotency],
  })
}

function messageOf(type: DescMessage, registry: FileRegistry): DynamicMessage {
  const lenient = { registry, ignoreUnknownFields: true }
  return Object.freeze({
    fromJSON: (object: unknown) => fromJson(type, worded(type, object) as JsonValue, lenient),
    toJSON: (message: Message) => toJson(type, message, { registry }),
    encode: (message: Message) => ({ finish: () => toBinary(type, message) }),
    decode: (bytes: Uint8Array) => fromBinary(type, bytes),
  })
}

/** As ts-proto takes it: a boolean where a text is wanted; and one value where there may be several. */
function worded(type: DescMessage, object: unknown): unknown {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return object
  const fields = new Map(type.fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]))
  return Object.fromEntries(
    Object.entries(object as Readonly<Record<string, unknown>>).map(([name, value]) => {
      const field = fields.get(name)
      if (field?.fieldKind === 'list' && !Array.isArray(value) && value !== null) return [name, [value]]
      const isText = field?.fieldKind === 'scalar' && field.scalar === ScalarType.STRING
      return [name, isText && typeof value === 'boolean' ? String(value) : value]
    }),
  )
}
