import { type CallContext, currentContext, runInContext, withContext } from '@comm/core'
import { callable, checkArgument, checkOptions, withMethods } from '@comm/core/options'
import type { Credentials, PresentedCertificate } from '../gate/credentials.ts'
import type { Gate } from '../gate/gate.ts'
import type { AccessRequest, Policy } from '../policy/policy.ts'
import { GrpcRefusal } from './refusal.ts'

/** What is used of nice-grpc's `CallContext`. */
export interface GrpcContext {
  readonly metadata: { getAll(key: string): readonly (string | Uint8Array)[] }
  readonly peer: string
  readonly signal: AbortSignal
}

/** What is used of nice-grpc's `ServerMiddlewareCall`. */
export interface GrpcCall<Request, Response, Context> {
  readonly method: { readonly path: string }
  readonly request: Request | AsyncIterable<Request>
  next(request: Request | AsyncIterable<Request>, context: Context): AsyncGenerator<Response, Response | void, undefined>
}

export interface GrpcAccessOptions {
  /** Methods that anybody may call, by full name (`/grpc.health.v1.Health/Check`). @default none */
  readonly isPublic?: (path: string) => boolean
  /** In place of the gate's policy. Its request has the action `call`, and the full name of the method as its resource. */
  readonly policy?: Policy
  /** The client's certificate: nice-grpc's context has none, an interceptor of its server can note it. @default none */
  readonly certificate?: (context: GrpcContext) => PresentedCertificate | undefined
  /** What else policies may ask for. @default nothing */
  readonly attributes?: (path: string, context: GrpcContext) => Readonly<Record<string, unknown>>
}

/**
 * A middleware for servers of nice-grpc: `createServer().use(grpcAuth(gate))`. Implementations see only calls that were let in, in the call
 * context of their principal: messages of streams included.
 */
export function grpcAuth(
  gate: Gate,
  options: GrpcAccessOptions = {},
): <Request, Response, Context extends GrpcContext>(
  call: GrpcCall<Request, Response, Context>,
  context: Context,
) => AsyncGenerator<Response, Response | void, undefined> {
  checkArgument('grpcAuth gate', gate, withMethods('a Gate made by gate()', 'admit'))
  checkOptions<GrpcAccessOptions>('grpcAuth', options, {
    isPublic: callable,
    policy: callable,
    certificate: callable,
    attributes: callable,
  })
  const { attributes, certificate, isPublic, policy } = options

  return async function* guarded(call, context) {
    const { path } = call.method
    if (isPublic?.(path)) return yield* call.next(call.request, context)
    const inside = await admitted(path, context)
    const calls = runInContext(inside, () => call.next(call.request, context))
    try {
      // A generator runs in the context of whoever asks for its next value.
      for (;;) {
        const step = await runInContext(inside, () => calls.next())
        if (step.done) return step.value
        yield step.value
      }
    } finally {
      await runInContext(inside, () => calls.return(undefined as never))
    }
  }

  async function admitted(path: string, context: GrpcContext): Promise<CallContext> {
    try {
      const request: AccessRequest = {
        action: 'call',
        resource: path,
        ...(attributes === undefined ? {} : { attributes: attributes(path, context) }),
      }
      const principal = await gate.admit(credentialsOf(context), request, policy, context.signal)
      return withContext({ principal, signal: context.signal }, () => currentContext() as CallContext)
    } catch (thrown) {
      throw new GrpcRefusal(thrown)
    }
  }

  function credentialsOf(context: GrpcContext): Credentials {
    const presented = certificate?.(context)
    return {
      header(name) {
        const all = context.metadata.getAll(name)
        const [only] = all
        return all.length === 1 && typeof only === 'string' ? only : undefined
      },
      address: context.peer,
      ...(presented === undefined ? {} : { certificate: presented }),
    }
  }
}
