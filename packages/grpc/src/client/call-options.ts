import { anything, boolean, callable, number, type Rules, text } from '@comm/core/options'
import type { Client, CompatServiceDefinition } from 'nice-grpc'
import type { Metadata } from 'nice-grpc-common'
import type { MetadataInput } from '../metadata.ts'

/** For one call. */
export interface GrpcCallOptions {
  /** Sent with the call, beside that of the client. */
  readonly metadata?: MetadataInput
  /** Ends the call with COMM_ABORTED; `AbortSignal.timeout()` ends it with COMM_TIMEOUT. */
  readonly signal?: AbortSignal
  /** Milliseconds for the whole call, retries and a streamed answer included. @default the client's `timeout.totalMs`, or `streamMs` */
  readonly timeoutMs?: number
  /** The call may be made twice. @default what the `.proto` file says (`option idempotency_level`) */
  readonly idempotent?: boolean
  /** Chooses the instance, with a strategy such as `consistentHash()`. */
  readonly balancingKey?: string
  /** Is given the response's headers, of the attempt that was answered. */
  readonly onHeader?: (header: Metadata) => void
  /** Is given the trailers, after the last message, of each attempt. */
  readonly onTrailer?: (trailer: Metadata) => void
}

export const CALL_RULES: Rules<GrpcCallOptions> = {
  // Checked as it is sent.
  metadata: anything,
  signal: { expected: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal },
  timeoutMs: number({ min: 0, infinite: true }),
  idempotent: boolean,
  balancingKey: text,
  onHeader: callable,
  onTrailer: callable,
}

/** The methods of a service: those that nice-grpc's clients have, with the options above. */
export type GrpcServiceClient<Service extends CompatServiceDefinition> = {
  readonly [Name in keyof Client<Service>]: WithOurOptions<Client<Service>[Name]>
}

// biome-ignore lint/suspicious/noExplicitAny: only what is inferred beside it matters
type WithOurOptions<Called> = Called extends (request: infer Request, options?: any) => infer Answer
  ? (request: Request, options?: GrpcCallOptions) => Answer
  : never
