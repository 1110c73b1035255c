import { CommunicationError, ConfigurationError, ServiceUnavailableError, withContext } from '@comm/core'
import type { GrpcCallOptions } from '@comm/grpc'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { GrpcApiSource } from '../grpc/grpc-api.ts'
import type { ClientOf } from '../grpc/grpc-clients.ts'
import { GRPC_ROUTE_DEFAULTS, type GrpcMethod, type GrpcRouteConfig } from '../grpc/grpc-route.ts'
import { refusalOf } from '../grpc/refusals.ts'
import { checkJson, invalid, membersOf } from '../grpc/request-message.ts'
import { refused } from '../message/request-head.ts'
import type { PathPattern } from '../routing/path-pattern.ts'
import type { RouteStep } from './step.ts'

export interface GrpcStepParts {
  readonly pattern: PathPattern
  readonly clientOf: ClientOf
  readonly api: GrpcApiSource
  /** Of the whole call. */
  readonly totalMs: number
  readonly retries: boolean
}

/** What gRPC itself takes at most, unless it is told otherwise. */
const MOST_BYTES = 4 * 1024 * 1024

type Call = (request: unknown, options: GrpcCallOptions) => Promise<unknown>

/** Answers with what a gRPC method answers, as JSON (https://protobuf.dev/programming-guides/json/). */
export function grpcStep(config: GrpcRouteConfig, parts: GrpcStepParts): RouteStep {
  const { method, metadata = GRPC_ROUTE_DEFAULTS.metadata } = config
  const { pattern, clientOf, api, totalMs, retries } = parts
  const names = metadata.map((name) => name.toLowerCase())
  return {
    name: 'grpc',
    async enter(exchange: ClientExchange): Promise<boolean> {
      const named = method ?? exchange.pathname.split('/').slice(pattern.segments.length).join('/')
      let { known } = api
      if (known?.unary.has(named) !== true) known = await api.load(named).catch(unavailable)
      const { definition, unary } = known
      const found = unary.get(named)
      if (found === undefined)
        throw refused(404, `${definition.fullName} has no method ${JSON.stringify(named)} with one request and one answer`)
      const [own, { requestType, responseType }] = found
      const request = await messageOf(exchange, pattern, requestType)
      const client = await clientOf()
      const call = (client.service(definition as never) as Readonly<Record<string, Call>>)[own] as Call
      const { correlationId, asked, signal, clientAddress, parts: common } = exchange
      const deadlineAt = asked.timeLeftMs === undefined ? {} : { deadlineAt: common.clock.now() + asked.timeLeftMs }
      const options: GrpcCallOptions = {
        metadata: metadataOf(exchange, names),
        balancingKey: clientAddress,
        signal,
        ...(Number.isFinite(totalMs) ? { timeoutMs: totalMs } : {}),
        ...idempotence(exchange, retries),
      }
      const context = { correlationId, correlationHeader: common.correlationName, ...deadlineAt }
      const answer = await withContext(context, () => call(request, options)).catch((thrown: unknown) => {
        throw refusalOf(thrown)
      })
      exchange.respond(200, ['content-type', 'application/json'], JSON.stringify(responseType.toJSON(answer as never)))
      return true
    },
  }
}

/** That the methods are not known is no fault of the request, whatever the server says about the question. */
function unavailable(cause: unknown): never {
  if (cause instanceof ConfigurationError) throw cause
  throw new ServiceUnavailableError(`the methods are not known now: ${CommunicationError.from(cause).message}`, { cause })
}

async function messageOf(
  exchange: ClientExchange,
  pattern: PathPattern,
  { fromJSON }: GrpcMethod['requestType'],
): Promise<unknown> {
  const { asked, pathname, search } = exchange
  const hasBody = asked.hasBody || exchange.isBodyRead
  if (hasBody) checkJson(exchange.header('content-type'))
  const body = hasBody ? await exchange.readBody(MOST_BYTES) : undefined
  const members = membersOf(pattern, pathname, search, body)
  try {
    return fromJSON(members)
  } catch (thrown) {
    throw invalid('it', `is not the JSON of the message: ${(thrown as Error).message}`)
  }
}

function metadataOf(exchange: ClientExchange, names: readonly string[]): Record<string, string> {
  const metadata: Record<string, string> = { [exchange.parts.requestIdName]: exchange.requestId }
  for (const name of names) {
    const value = exchange.header(name)
    if (value !== undefined) metadata[name] = value
  }
  return metadata
}

/** Otherwise the `.proto` file says whether a call may be made twice. */
function idempotence(exchange: ClientExchange, retries: boolean): Pick<GrpcCallOptions, 'idempotent'> {
  if (!retries) return { idempotent: false }
  return exchange.header('idempotency-key') === undefined ? {} : { idempotent: true }
}
