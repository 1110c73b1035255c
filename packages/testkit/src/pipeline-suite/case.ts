import type { Need } from '../broker-contract/contract.ts'
import type { PipelineContext } from './context.ts'

export interface PipelineCase {
  /** Stable: skips name it. */
  readonly id: string
  readonly title: string
  readonly needs?: readonly Need[]
  readonly run: (context: PipelineContext) => Promise<void>
}
