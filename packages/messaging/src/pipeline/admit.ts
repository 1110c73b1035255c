import { randomUUID } from 'node:crypto'
import { type Admission, AuthenticationError, CommunicationError, type MessageGuard, retryAfterOf } from '@comm/core'
import type { Message } from '../message.ts'
import { DUPLICATE, type Outcome } from '../outcome.ts'
import type { PipelineParts, Step } from './step.ts'

/** How soon a message comes back when a guard cannot tell now. */
const UNDECIDED_PAUSE_MS = 1000

/**
 * Lets only messages through that every guard admits, before anything in them is read. A refused one is dead; whoever waits for its
 * reply is not told why.
 */
export function admit(next: Step, parts: PipelineParts): Step {
  const { guards, logger } = parts
  const { group = `copy/${randomUUID()}` } = parts.options

  return async (message) => {
    const admissions: Admission[] = []
    const outcome = await through(message, admissions)
    for (const { settled } of admissions.reverse()) await settled?.(outcome.kind === 'done')
    return outcome
  }

  async function through(message: Message, admissions: Admission[]): Promise<Outcome> {
    // Headers and body could not be told apart, so there is nothing to look at.
    if (message.undecodable !== undefined) return next(message)
    try {
      await passGuards(guards, message, group, admissions)
    } catch (thrown) {
      return refused(message, CommunicationError.from(thrown))
    }
    for (const { principal, isDuplicate } of admissions) {
      if (isDuplicate) return DUPLICATE
      if (principal !== undefined) message.principal = principal
    }
    return next(message)
  }

  function refused(message: Message, error: CommunicationError): Outcome {
    if (error.retryable) {
      logger.warn(`message ${message.id} of ${message.topic} waits: a guard cannot tell whether to let it in`, { error })
      return { kind: 'later', afterMs: retryAfterOf(error) ?? UNDECIDED_PAUSE_MS, why: 'guard' }
    }
    return { kind: 'dead', reason: 'refused', error: parts.bury === undefined ? error : untold(message, error) }
  }

  function untold({ id, topic }: Message, error: CommunicationError): CommunicationError {
    logger.warn(`request ${id} to ${topic} was refused`, { error })
    return new AuthenticationError(`a request to ${topic} was refused`)
  }
}

/** Asks one guard after the other. @param admissions gets what each answers @throws what the first one that refuses throws */
async function passGuards(
  guards: readonly MessageGuard[],
  message: Message,
  group: string,
  admissions: Admission[],
): Promise<void> {
  const { topic, id, headers, bytes: body, redelivered } = message
  for (const guard of guards) {
    if (guard.incoming !== undefined) admissions.push(await guard.incoming({ topic, group, id, headers, body, redelivered }))
  }
}

/** The same for a message that no handler gets: a reply, or that a requester gave up. @throws what the first guard that refuses throws */
export async function passOutside(guards: readonly MessageGuard[], message: Message): Promise<void> {
  const admissions: Admission[] = []
  try {
    await passGuards(guards, message, message.topic, admissions)
  } finally {
    for (const { settled } of admissions) await settled?.(true)
  }
}
