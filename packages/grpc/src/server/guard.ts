import type { Logger, Principal } from '@comm/core'
import type { CallContext, CompatServiceDefinition } from 'nice-grpc'
import { ServerError } from 'nice-grpc-common'
import { toEnding, trailersOf } from '../errors/to-status.ts'
import { isTsProto } from '../method.ts'
import { statusCode } from '../status.ts'
import { type IncomingCall, incomingCalls } from './incoming-call.ts'

/** What an implementation finds in its context beside what nice-grpc puts there. */
export interface GrpcCallContext {
  readonly call: IncomingCall
}

/**
 * Lets a call in, or throws AuthenticationError or AuthorizationError. Whom it returns is `call.principal`, and `currentPrincipal()` for
 * everything that is done meanwhile.
 */
export type Authenticate = (call: IncomingCall) => Principal | undefined | Promise<Principal | undefined>

export interface GuardParts {
  readonly authenticate: Authenticate | undefined
  readonly logger: Logger
}

type Context = CallContext & { call?: IncomingCall }
type Single = (request: unknown, context: Context) => Promise<unknown>
type Streaming = (request: unknown, context: Context) => AsyncIterable<unknown>

export interface Guarded {
  readonly definition: CompatServiceDefinition
  readonly implementation: Readonly<Record<string, unknown>>
}

/**
 * An implementation behind authentication, whose errors are told to the caller as `toEnding` says. Methods that it does not have are left out,
 * so that they are answered UNIMPLEMENTED.
 */
export function guard(definition: CompatServiceDefinition, implementation: object, parts: GuardParts): Guarded {
  const methods = (isTsProto(definition) ? definition.methods : definition) as Readonly<
    Record<string, { responseStream: boolean }>
  >
  const known = Object.entries(methods).flatMap(([name, method]) => {
    const own: unknown = Reflect.get(implementation, name)
    return typeof own === 'function' ? [{ name, method, run: own.bind(implementation) as never }] : []
  })
  const left = Object.fromEntries(known.map(({ name, method }) => [name, method]))
  return {
    definition: (isTsProto(definition) ? { ...definition, methods: left } : left) as CompatServiceDefinition,
    implementation: Object.fromEntries(
      known.map(({ name, method, run }) => [name, method.responseStream ? streaming(run, parts) : single(run, parts)]),
    ),
  }
}

function single(run: Single, parts: GuardParts): Single {
  return async (request, context) => {
    try {
      const entering = enter(context, parts)
      if (entering !== undefined) await entering
      const answer = await run(request, context)
      if (answer === undefined || answer === null) throw new TypeError('the implementation returned no message')
      return answer
    } catch (thrown) {
      throw told(thrown, context, parts)
    }
  }
}

function streaming(run: Streaming, parts: GuardParts): Streaming {
  return (request, context) => {
    let answers: AsyncIterator<unknown> | undefined
    const fail = (thrown: unknown): never => {
      throw told(thrown, context, parts)
    }
    const begin = (): Promise<IteratorResult<unknown>> => {
      answers = run(request, context)[Symbol.asyncIterator]()
      return answers.next()
    }
    const first = async (): Promise<IteratorResult<unknown>> => {
      await enter(context, parts)
      return begin()
    }
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => (answers === undefined ? first() : answers.next()).catch(fail),
        return: () => answers?.return?.() ?? Promise.resolve({ value: undefined, done: true }),
        throw: (error) => (answers?.throw?.(error) ?? Promise.reject(error)).catch(fail),
      }),
    }
  }
}

function enter(context: Context, { authenticate }: GuardParts): Promise<void> | undefined {
  const call = incomingCalls.getStore()
  if (call === undefined) return undefined
  context.call = call
  if (authenticate === undefined) return undefined
  return Promise.resolve(call)
    .then(authenticate)
    .then((principal) => {
      call.principal = principal
    })
}

/** What nice-grpc ends the call with; the trailers go along. Failures of the service itself are logged: the caller does not see them. */
function told(thrown: unknown, context: Context, { logger }: GuardParts): ServerError {
  const call = context.call ?? incomingCalls.getStore()
  const isGone = Object(thrown).name === 'AbortError' && call?.signal.aborted === true
  const ending = isGone ? { status: 'CANCELLED' as const, message: 'the call was cancelled' } : toEnding(thrown)
  for (const [key, value] of trailersOf(ending)) context.trailer.set(key, value)
  if (ending.status === 'INTERNAL' || ending.status === 'UNKNOWN') {
    logger.error(`${call?.method ?? 'a call'} failed`, { error: thrown, status: ending.status })
  }
  return new ServerError(statusCode(ending.status) ?? 2, ending.message)
}
