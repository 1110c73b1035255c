// One instance of the test service in a process of its own: says its port, and who it is in every answer.
import { GrpcServer } from '@comm/grpc'
import { TestServiceDefinition } from '../generated/grpc/testing/test.ts'

const serverId = process.argv[2] ?? 'nameless'
const server = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(TestServiceDefinition, {
  async cacheableUnaryCall() {
    // Long enough for calls to be under way whenever the process is killed.
    await new Promise((resolve) => setTimeout(resolve, 5))
    return { serverId }
  },
} as never)
await server.start()
process.send?.({ port: server.port })
process.once('disconnect', () => process.exit())
