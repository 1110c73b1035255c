import { observe } from '../observe/consuming.ts'
import { deadline } from './deadline.ts'
import { decode } from './decode.ts'
import { deduplicate } from './deduplicate.ts'
import { handle } from './handle.ts'
import { retryInProcess } from './retry.ts'
import { settle } from './settle.ts'
import type { PipelineParts, Step } from './step.ts'

/**
 * Builds the pipeline of one subscription, once: observe > settle > decode and validate > deduplicate > retry in process > deadline >
 * handler. The result never rejects.
 */
export function foldPipeline(parts: PipelineParts): Step {
  const { dedup } = parts.options
  const retrying = retryInProcess(deadline(handle(parts), parts), parts)
  const once = dedup === undefined ? retrying : deduplicate(retrying, parts, dedup)
  return observe(settle(decode(once, parts), parts), parts)
}
