/** Calls a gRPC service by name. `import type {} from '@comm/mesh/grpc'` gives the answer the type of the definition. */
export interface GrpcOfMesh {
  // biome-ignore lint/style/useShorthandFunctionType: declaration merging needs an interface
  (service: string, definition: object): Promise<unknown>
}
