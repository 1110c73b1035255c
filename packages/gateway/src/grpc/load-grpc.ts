import type { createRequire } from 'node:module'
import { ConfigurationError } from '@comm/core'

type Dynamic = typeof import('@comm/grpc/dynamic')

/** @throws ConfigurationError COMM_PACKAGE_MISSING */
export function loadGrpc(): Promise<typeof import('@comm/grpc')> {
  return import('@comm/grpc').catch(missing)
}

/** What calls services of which there is no generated code. @throws ConfigurationError COMM_PACKAGE_MISSING */
export function loadGrpcDynamic(): Promise<Dynamic> {
  return import('@comm/grpc/dynamic').catch(missing)
}

/** The same without waiting, for configurations, which are checked at once: Node loads ES modules by `require` too. @throws ConfigurationError */
export function requireGrpcDynamic(): Dynamic {
  try {
    const module = process.getBuiltinModule('node:module') as { readonly createRequire: typeof createRequire }
    return module.createRequire(import.meta.url)('@comm/grpc/dynamic') as Dynamic
  } catch (cause) {
    return missing(cause)
  }
}

function missing(cause: unknown): never {
  const message = `routes to gRPC need @comm/grpc, which cannot be loaded: ${(cause as Error).message}. Install it: npm install @comm/grpc`
  throw new ConfigurationError(message, { code: 'COMM_PACKAGE_MISSING', cause, details: { package: '@comm/grpc' } })
}
