import type { Metadata as GrpcMetadata } from '@grpc/grpc-js'
import { Metadata } from 'nice-grpc-common'

/** Metadata of grpc-js in the form in which nice-grpc, and so everything that users see, has it. */
export function toNiceMetadata(metadata: GrpcMetadata): Metadata {
  const result = Metadata()
  for (const [key, values] of Object.entries(metadata.toJSON())) result.set(key, values as (string | Buffer)[])
  return result
}
