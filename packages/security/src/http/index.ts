export { type AuthPlugin, type AuthPluginOptions, authPlugin, type FastifyLike, type RouteAuth } from './fastify.ts'
export { authHandler, type GuardedListener, type HttpListener } from './handler.ts'
export { type HttpAccessOptions, requestPrincipal } from './http-access.ts'
export { type AuthMiddleware, authMiddleware, type Next } from './middleware.ts'
