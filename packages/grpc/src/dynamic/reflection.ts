import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { CommunicationError, GrpcStatusError } from '@comm/core'
import type { GrpcCallOptions } from '../client/call-options.ts'
import type { GrpcClient } from '../client/client.ts'
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../generated/grpc/reflection/v1/reflection.ts'
import { statusName } from '../status.ts'

/** The same under another name: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md */
const ALPHA = { ...ServerReflectionDefinition, fullName: 'grpc.reflection.v1alpha.ServerReflection' } as const

type Definition = typeof ServerReflectionDefinition | typeof ALPHA
type Question = ServerReflectionRequest['messageRequest']

/**
 * Asks a server what a service is like (grpc.reflection.v1, or v1alpha of older servers).
 * @returns a `google.protobuf.FileDescriptorSet` for `definitionFrom`: the same bytes for as long as the server says the same
 * @throws GrpcStatusError NOT_FOUND for a service that it does not have; CommunicationError COMM_UNSUPPORTED for a server without reflection
 */
export async function reflectedDescriptors(
  client: GrpcClient,
  fullName: string,
  options: Pick<GrpcCallOptions, 'signal' | 'timeoutMs' | 'metadata'> = {},
): Promise<Uint8Array> {
  try {
    return await fetchAll(client, ServerReflectionDefinition, fullName, options)
  } catch (thrown) {
    if (!(thrown instanceof CommunicationError) || thrown.code !== 'COMM_UNSUPPORTED') throw thrown
    return fetchAll(client, ALPHA, fullName, options)
  }
}

async function fetchAll(
  client: GrpcClient,
  definition: Definition,
  fullName: string,
  options: GrpcCallOptions,
): Promise<Uint8Array> {
  const files = new Map<string, FileDescriptorProto>()
  const ask = async (question: Question): Promise<void> => {
    for (const file of await asked(client, definition, question, options)) files.set(file.name, file)
  }
  await ask({ $case: 'fileContainingSymbol', fileContainingSymbol: fullName })
  for (let missing = missingOf(files); missing !== undefined; missing = missingOf(files)) {
    await ask({ $case: 'fileByFilename', fileByFilename: missing })
    if (!files.has(missing))
      throw new CommunicationError(`the server of ${fullName} was asked for ${missing} and gave another file`)
  }
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...ordered(files)] }))
}

/** Each file behind those that it imports, as a set must have them; otherwise by name. */
function ordered(files: ReadonlyMap<string, FileDescriptorProto>): ReadonlySet<FileDescriptorProto> {
  const found = new Set<FileDescriptorProto>()
  const seen = new Set<string>()
  const visit = (name: string): void => {
    const file = files.get(name)
    if (file === undefined || seen.has(name)) return
    seen.add(name)
    for (const imported of file.dependency) visit(imported)
    found.add(file)
  }
  for (const name of [...files.keys()].sort()) visit(name)
  return found
}

/** A file that another one imports: a server need not send what nobody asked for. */
function missingOf(files: ReadonlyMap<string, FileDescriptorProto>): string | undefined {
  return [...files.values()].flatMap(({ dependency }) => dependency).find((name) => !files.has(name))
}

async function asked(
  client: GrpcClient,
  definition: Definition,
  messageRequest: Question,
  options: GrpcCallOptions,
): Promise<readonly FileDescriptorProto[]> {
  const { timeoutMs, ...rest } = options
  const once = async function* (): AsyncIterable<ServerReflectionRequest> {
    yield { host: '', messageRequest }
  }
  const answers = client
    .service(definition)
    .serverReflectionInfo(once(), { ...rest, ...(timeoutMs !== undefined && { timeoutMs }) })
  for await (const answer of answers) return filesOf(answer)
  throw new CommunicationError('the reflection of the server ended without an answer')
}

function filesOf({ messageResponse }: ServerReflectionResponse): readonly FileDescriptorProto[] {
  if (messageResponse?.$case === 'errorResponse') {
    const { errorCode, errorMessage } = messageResponse.errorResponse
    throw new GrpcStatusError(`reflection: ${errorMessage}`, { status: statusName(errorCode) })
  }
  if (messageResponse?.$case !== 'fileDescriptorResponse') return []
  return messageResponse.fileDescriptorResponse.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
}
