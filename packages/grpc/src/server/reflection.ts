import { ConfigurationError } from '@comm/core'
import type { Server } from 'nice-grpc'

const PACKAGE = 'nice-grpc-server-reflection'

/**
 * Serves grpc.reflection.v1: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 * @throws ConfigurationError COMM_PACKAGE_MISSING with the command that installs what it needs
 */
export async function addReflection(server: Server, descriptors: Uint8Array, services: readonly string[]): Promise<void> {
  const loaded = await import('nice-grpc-server-reflection').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ERR_MODULE_NOT_FOUND') throw cause
    const message = `${PACKAGE} is needed by GrpcServer.reflection and is not installed; run: npm install ${PACKAGE}`
    throw new ConfigurationError(message, { code: 'COMM_PACKAGE_MISSING', cause, details: { package: PACKAGE } })
  })
  const { ServerReflection, ServerReflectionService } = loaded
  server.add(ServerReflectionService, ServerReflection(descriptors, services))
}
