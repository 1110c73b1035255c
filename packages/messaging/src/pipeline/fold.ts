import { observe } from '../observe/consuming.ts'
import { admit } from './admit.ts'
import { deadline } from './deadline.ts'
import { decode } from './decode.ts'
import { deduplicate } from './deduplicate.ts'
import { handle } from './handle.ts'
import { retryInProcess } from './retry.ts'
import { settle } from './settle.ts'
import type { PipelineParts, Step } from './step.ts'

/**
 * Builds the pipeline of one subscription, once: observe > settle > admit > decode and validate > deduplicate > retry in process > deadline >
 * handler. The result never rejects.
 */
export function foldPipeline(parts: PipelineParts): Step {
  const { dedup } = parts.options
  const retrying = retryInProcess(deadline(handle(parts), parts), parts)
  const once = dedup === undefined ? retrying : deduplicate(retrying, parts, dedup)
  const decoded = decode(once, parts)
  const admitted = parts.guards.length === 0 ? decoded : admit(decoded, parts)
  return observe(settle(admitted, parts), parts)
}
