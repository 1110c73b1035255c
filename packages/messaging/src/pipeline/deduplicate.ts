import { holdClaim } from '@comm/core'
import type { MessageInfo } from '../message.ts'
import type { ResolvedSubscription } from '../options/subscribe-options.ts'
import { DUPLICATE, type Outcome } from '../outcome.ts'
import type { PipelineParts, Step } from './step.ts'

/** How soon a message comes back when the store cannot be asked. */
const STORE_PAUSE_MS = 1000

/**
 * Handles each message once: claims its key, commits it after success, gives it back after a failure, before the retry or the dead
 * letter is published. While the handler runs the lease is renewed. A key held by another consumer means: come back after its lease.
 */
export function deduplicate(next: Step, parts: PipelineParts, options: NonNullable<ResolvedSubscription['dedup']>): Step {
  const { clock, logger } = parts
  const { store, leaseMs, rememberMs, key: keyOf = defaultKey } = options

  return async (message) => {
    const key = keyOf(message)
    let claim: Awaited<ReturnType<typeof holdClaim>>
    try {
      claim = await holdClaim(store, key, leaseMs, clock)
      if (claim.state === 'done') return DUPLICATE
      if (claim.state === 'busy') return { kind: 'later', afterMs: claim.retryAfterMs, why: 'busy' }
    } catch (error) {
      logger.warn(`message ${message.id} of ${message.topic} waits: its deduplication key cannot be claimed`, { error })
      return { kind: 'later', afterMs: STORE_PAUSE_MS, why: 'dedup-store' }
    }
    let outcome: Outcome | undefined
    try {
      outcome = await next(message)
    } finally {
      try {
        if (outcome?.kind !== 'done') await claim.release()
        else if (!(await claim.commit(rememberMs))) {
          logger.warn(
            `message ${message.id} of ${message.topic} was handled after its lease had expired; another consumer may handle it too`,
          )
        }
      } catch (error) {
        logger.warn(`the deduplication key of message ${message.id} of ${message.topic} could not be updated`, { error })
      }
    }
    return outcome
  }
}

function defaultKey({ group, topic, source, id }: MessageInfo): string {
  return `${group ?? ''}/${topic}/${source ?? ''}/${id}`
}
