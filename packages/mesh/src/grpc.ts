import type { GrpcClient, GrpcServiceClient } from '@comm/grpc'

type Definition = Parameters<GrpcClient['service']>[0]

declare module './grpc-of-mesh.ts' {
  interface GrpcOfMesh {
    // biome-ignore lint/style/useShorthandFunctionType: declaration merging needs an interface
    <Service extends Definition>(service: string, definition: Service): Promise<GrpcServiceClient<Service>>
  }
}

/** The options that `createMesh({ grpc })` takes: those of `GrpcClient` that the mesh does not set itself. */
export type { MeshGrpcOptions } from './outbound/grpc-options.ts'
