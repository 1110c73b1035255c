import type { CommunicationError } from '@comm/core'
import { checkArgument, nonEmptyText, number } from '@comm/core/options'

/**
 * Why a message died. `undecodable`: its body is not what its content type says. `schema`: it does not match the topic's schema.
 * `attempts`: the last attempt failed. `error`: it failed in a way that no retry can mend. `rejected`: the handler said so. `refused`: a
 * guard did not let it in.
 */
export type DeadReason = 'undecodable' | 'schema' | 'attempts' | 'error' | 'rejected' | 'refused'

/** What became of a message at one stage of the pipeline. Only the settle stage acts on it. */
export type Outcome =
  /** Finished: `duplicate` and `expired` ones were not handled. */
  | { readonly kind: 'done'; readonly how: 'handled' | 'duplicate' | 'expired' }
  /** The attempt failed. `afterMs`: set by the handler, else by the retry step. `hintMs`: what the failed callee asked for, at least. */
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly hintMs?: number; readonly error: CommunicationError }
  /** Not now, and not an attempt: it came early, its deduplication key is held by another, or a policy did not let it to the handler. */
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: 'early' | 'busy' | 'dedup-store' | 'refused' | 'guard' }
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly error: CommunicationError }
  /** Back to the broker untried: the consumer is stopping, or no longer owns the message. */
  | { readonly kind: 'release' }

export const HANDLED: Outcome = Object.freeze({ kind: 'done', how: 'handled' })
export const DUPLICATE: Outcome = Object.freeze({ kind: 'done', how: 'duplicate' })
export const EXPIRED: Outcome = Object.freeze({ kind: 'done', how: 'expired' })
export const RELEASE: Outcome = Object.freeze({ kind: 'release' })

const VERDICT: unique symbol = Symbol.for('@comm/messaging/verdict')

/** What a handler returns to say more than "done"; made by `retryAfter` and `deadLetter`. */
export type HandlerVerdict =
  | { readonly [VERDICT]: 'retry'; readonly afterMs: number | undefined }
  | { readonly [VERDICT]: 'dead'; readonly why: string }

/** Returned by a handler: this attempt failed, try again in so many milliseconds. It counts as an attempt. */
export function retryAfter(ms: number): HandlerVerdict {
  checkArgument('retryAfter(ms)', ms, number({ min: 0 }))
  return { [VERDICT]: 'retry', afterMs: ms }
}

/** This attempt failed: the next comes when the backoff says. */
export const RETRY: HandlerVerdict = Object.freeze({ [VERDICT]: 'retry' as const, afterMs: undefined })

/** Returned by a handler: no retry can mend this one, put it into the dead-letter topic. @param why for people */
export function deadLetter(why: string): HandlerVerdict {
  checkArgument('deadLetter(why)', why, nonEmptyText)
  return { [VERDICT]: 'dead', why }
}

/** The verdict in what a handler returned; undefined for everything else, which means "done". */
export function verdictOf(
  returned: unknown,
): { kind: 'retry'; afterMs: number | undefined } | { kind: 'dead'; why: string } | undefined {
  if (typeof returned !== 'object' || returned === null || !(VERDICT in returned)) return undefined
  const verdict = returned as HandlerVerdict
  return verdict[VERDICT] === 'retry' ? { kind: 'retry', afterMs: verdict.afterMs } : { kind: 'dead', why: verdict.why }
}
