import type { Timer } from '@comm/core'
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
    let token: string
    try {
      const claim = await store.claim(key, leaseMs)
      if (claim.state === 'done') return DUPLICATE
      if (claim.state === 'busy') return { kind: 'later', afterMs: claim.retryAfterMs, why: 'busy' }
      token = claim.token
    } catch (error) {
      logger.warn(`message ${message.id} of ${message.topic} waits: its deduplication key cannot be claimed`, { error })
      return { kind: 'later', afterMs: STORE_PAUSE_MS, why: 'dedup-store' }
    }
    const renewal = renew(key, token)
    let outcome: Outcome
    try {
      outcome = await next(message)
    } finally {
      renewal.cancel()
    }
    try {
      if (outcome.kind !== 'done') await store.release(key, token)
      else if (!(await store.commit(key, token, rememberMs))) {
        logger.warn(
          `message ${message.id} of ${message.topic} was handled after its lease had expired; another consumer may handle it too`,
        )
      }
    } catch (error) {
      logger.warn(`the deduplication key of message ${message.id} of ${message.topic} could not be updated`, { error })
    }
    return outcome
  }

  function renew(key: string, token: string): Timer {
    let timer: Timer
    let ended = false
    const extend = (): void => {
      store.renew(key, token, leaseMs).then(
        (held) => {
          if (held) arm()
        },
        () => arm(),
      )
    }
    const arm = (): void => {
      if (!ended) timer = clock.setTimer(leaseMs / 3, extend)
    }
    arm()
    return {
      cancel() {
        ended = true
        timer.cancel()
      },
    }
  }
}

function defaultKey({ group, topic, source, id }: MessageInfo): string {
  return `${group ?? ''}/${topic}/${source ?? ''}/${id}`
}
