import type { GrpcClientOptions } from '@comm/grpc'

export type MeshGrpcOptions = Omit<
  GrpcClientOptions,
  | 'address'
  | 'endpoints'
  | 'service'
  | 'policies'
  | 'retry'
  | 'circuitBreaker'
  | 'bulkhead'
  | 'rateLimit'
  | 'tls'
  | 'logger'
  | 'clock'
>
