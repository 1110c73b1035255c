export { type GrpcAccessOptions, type GrpcCall, type GrpcContext, grpcAuth } from './middleware.ts'
export { GrpcRefusal } from './refusal.ts'
