import { type Call, CommunicationError, ConsumeError, retryAfterOf, runInContext } from '@comm/core'
import { Attempt } from '../attempt.ts'
import type { Message } from '../message.ts'
import { HANDLED, type Outcome, RELEASE, verdictOf } from '../outcome.ts'
import { untilVerdict } from './manual.ts'
import type { PipelineParts } from './step.ts'

/** Runs the handler once. Never throws and never rejects: this is the one place where exceptions become outcomes. */
export type Run = (message: Message, attempt: Attempt) => Outcome | Promise<Outcome>

export function handle(parts: PipelineParts): Run {
  const { clock } = parts
  const { ack, resilience } = parts.options
  const handler = ack === 'manual' ? untilVerdict(parts.handler) : parts.handler

  /** Each attempt has a context of its own. The first is the message's, which is there already. */
  const call = (body: unknown, attempt: Attempt, isFirst: boolean): unknown =>
    isFirst ? handler(body, attempt) : runInContext(attempt, () => handler(body, attempt))

  /** Under policies every pass has a signal of its own, which a stage such as `timeout` may abort. */
  const underPolicies = async (message: Message, policyCall: Call): Promise<unknown> => {
    if (message.running !== undefined) message.running.wasCalled = true
    const pass = new Attempt(
      message,
      Math.min(message.running?.deadlineAt ?? Number.POSITIVE_INFINITY, policyCall.deadlineAt),
      () => clock.now(),
    )
    const { signal } = policyCall
    const abort = (): void => pass.abort(signal.reason)
    signal.addEventListener('abort', abort)
    try {
      return await call(message.body, pass, false)
    } finally {
      signal.removeEventListener('abort', abort)
      pass.end()
    }
  }

  return (message, attempt) => {
    try {
      const returned =
        resilience === undefined
          ? call(message.body, attempt, message.isFirst(attempt))
          : resilience.run(underPolicies, message, attempt.signal)
      if (!isThenable(returned)) return outcomeOf(returned, message)
      return Promise.resolve(returned).then(
        (late) => outcomeOf(late, message),
        (thrown: unknown) => failureOf(thrown, message, attempt, parts),
      )
    } catch (thrown) {
      return failureOf(thrown, message, attempt, parts)
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function outcomeOf(returned: unknown, message: Message): Outcome {
  const verdict = verdictOf(returned)
  if (verdict === undefined) return HANDLED
  if (verdict.kind === 'dead') {
    return { kind: 'dead', reason: 'rejected', error: new ConsumeError(verdict.why, { retryable: false }) }
  }
  const { afterMs } = verdict
  const when = afterMs === undefined ? '' : ` after ${afterMs} ms`
  const error = new ConsumeError(`the handler of ${message.topic} asked for another attempt${when}`)
  return afterMs === undefined ? { kind: 'retry', error } : { kind: 'retry', afterMs, error }
}

/** Codes whose `retryable: false` speaks of the one call that failed, not of the message. */
const NOT_FINAL: ReadonlySet<string> = new Set(['COMM_UNKNOWN', 'COMM_ABORTED', 'COMM_DEADLINE_EXCEEDED'])

function failureOf(thrown: unknown, message: Message, attempt: Attempt, parts: PipelineParts): Outcome {
  if (attempt.abortOutcome !== undefined) return attempt.abortOutcome
  if (message.delivery.lost.aborted) return RELEASE
  const error = CommunicationError.from(thrown)
  if (parts.options.resilience !== undefined && !attempt.wasCalled && REFUSALS.has(error.code)) return refusedBy(error)
  return outcomeOfError(error, parts)
}

/** By a policy in front of the handler: it says nothing about the message. */
const REFUSALS: ReadonlySet<string> = new Set(['COMM_BREAKER_OPEN', 'COMM_BULKHEAD_FULL', 'COMM_RATE_LIMITED'])
const REFUSED_PAUSE_MS = 1000
const SHORTEST_REFUSED_PAUSE_MS = 100

/** The message comes again when the policy may let it through. That was no attempt. */
function refusedBy(error: CommunicationError): Outcome {
  const afterMs = Math.max(retryAfterOf(error) ?? REFUSED_PAUSE_MS, SHORTEST_REFUSED_PAUSE_MS)
  return { kind: 'later', afterMs, why: 'refused' }
}

export function outcomeOfError(error: CommunicationError, parts: PipelineParts): Outcome {
  const { retryIf } = parts.options.retry
  if (retryIf === undefined ? error.retryable || NOT_FINAL.has(error.code) : asks(retryIf, error)) {
    const hint = retryAfterOf(error)
    return hint === undefined ? { kind: 'retry', error } : { kind: 'retry', error, hintMs: hint }
  }
  return { kind: 'dead', reason: 'error', error }
}

function asks(retryIf: (error: CommunicationError) => boolean, error: CommunicationError): boolean {
  try {
    return retryIf(error)
  } catch {
    // A broken predicate must not turn a failed attempt into a dead letter.
    return true
  }
}
