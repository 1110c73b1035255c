import { CommunicationError, ServiceUnavailableError } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { Rewrite } from '../routing/rewrite.ts'
import { collect } from '../upstream/collect.ts'
import type { Timeouts } from '../upstream/timeouts.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { RouteStep } from './step.ts'

export interface AggregatePart {
  readonly service: string
  /** With the parameters of the route's path: `/users/:id`. */
  readonly path: string
  /** The whole fails without it. @default false */
  readonly required?: boolean
}

/** Several services answer one GET: the answers as one JSON object, by these names. */
export type AggregateConfig = Readonly<Record<string, AggregatePart>>

export interface ResolvedPart {
  readonly name: string
  readonly upstream: Upstream
  readonly timeouts: Timeouts
  readonly rewrite: Rewrite
  readonly isRequired: boolean
}

const MOST_BYTES = 10 * 1024 * 1024

/**
 * `{ "user": {…}, "orders": null, "errors": { "orders": { "status": 503 } } }`: what is missing is null, and `errors` says why. 502 where a
 * required part, or every part, is missing.
 */
export function aggregateStep(parts: readonly ResolvedPart[]): RouteStep {
  return {
    name: 'aggregate',
    async enter(exchange: ClientExchange): Promise<boolean> {
      const answers = await askAll(parts, exchange)
      const found: Record<string, unknown> = {}
      const errors: Record<string, unknown> = {}
      for (const [at, { name }] of parts.entries()) {
        const { value, problem } = answers[at] as Part
        found[name] = problem === undefined ? value : null
        if (problem === undefined) continue
        errors[name] = problem
      }
      const missing = Object.keys(errors).length
      if (missing === parts.length) throw new ServiceUnavailableError('every part is missing', { code: 'COMM_CONNECTION' })
      const body = JSON.stringify(missing === 0 ? found : { ...found, errors })
      exchange.respond(200, ['content-type', 'application/json'], body)
      return true
    },
  }
}

interface Part {
  readonly value?: unknown
  readonly problem?: { readonly status?: number; readonly code?: string }
}

async function askAll(parts: readonly ResolvedPart[], exchange: ClientExchange): Promise<readonly Part[]> {
  const rest = new AbortController()
  const { signal } = exchange
  signal.addEventListener('abort', () => rest.abort(signal.reason), { once: true })
  try {
    return await Promise.all(parts.map((part) => ask(part, exchange, rest.signal)))
  } finally {
    // What a missing part has made useless.
    rest.abort(new CommunicationError('the other parts are wanted no longer', { code: 'COMM_ABORTED' }))
  }
}

async function ask(part: ResolvedPart, exchange: ClientExchange, signal: AbortSignal): Promise<Part> {
  const answer = await answerOf(part, exchange, signal)
  // At once: others may take long.
  if (part.isRequired && answer.problem !== undefined)
    throw new ServiceUnavailableError(`the required part ${part.name} is missing`, { code: 'COMM_CONNECTION' })
  return answer
}

async function answerOf(
  { upstream, timeouts, rewrite }: ResolvedPart,
  exchange: ClientExchange,
  signal: AbortSignal,
): Promise<Part> {
  try {
    const path = rewrite(exchange.pathname) + exchange.search
    const request = { ...exchange.outbound(), method: 'GET', path, timeouts, body: undefined }
    const { status, body } = await collect(upstream, request, MOST_BYTES, signal)
    if (status < 200 || status > 299) return { problem: { status } }
    return { value: body.byteLength === 0 ? null : JSON.parse(body.toString('utf8')) }
  } catch (thrown) {
    return { problem: { code: CommunicationError.from(thrown).code } }
  }
}
