export { contract, type ServiceContract, type TopicLike } from './contract.ts'
export type { BreakingChange } from './diff/findings.ts'
export { breakingChanges } from './diff/index.ts'
export { asyncApi } from './documents/async-api.ts'
export type { JsonDocument } from './documents/json-document.ts'
export { openApi } from './documents/open-api.ts'
export { type FastifyLike, type FastifyRequestLike, fastifyRoute } from './fastify.ts'
export {
  type AnyRoute,
  type Method,
  noBody,
  type Route,
  type RouteAnswer,
  type RouteInput,
  type RouteOf,
  type RouteTypes,
  route,
} from './route.ts'
export { contractHandler, documentsOf, fastifyContract } from './serve.ts'
