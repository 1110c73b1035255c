import {
  BulkheadFullError,
  type Call,
  CircuitBreakerOpenError,
  type Classify,
  RateLimitedError,
  ServiceUnavailableError,
  type Stage,
} from '@comm/core'
import type { Outcome, TrafficMeter } from './traffic-meter.ts'

/** Stands in front of everything, and counts each call once, whatever its policies do. */
export function observing(meter: TrafficMeter, classify: Classify): Stage {
  return {
    name: 'topology',
    description: 'topology (counts calls, errors, latency)',
    enter(call: Call, at: number): void {
      call.setState(at, call.clock.now())
    },
    leave(call: Call, at: number): void {
      if (call.abortedByCaller) return
      meter.record(outcomeOf(call, classify), call.clock.now() - (call.state(at) as number))
    },
  }
}

function outcomeOf(call: Call, classify: Classify): Outcome {
  if (!call.failed) return 'success'
  const { error } = call
  if (error instanceof CircuitBreakerOpenError || error instanceof BulkheadFullError) return 'refused'
  // A limit of the callee's is an answer of its own, and is no error of it.
  if (error instanceof RateLimitedError && error.details['grpcStatus'] === undefined) return 'refused'
  return error instanceof ServiceUnavailableError || classify(call) === 'failure' ? 'error' : 'success'
}
