import type { ParseArgsOptionsConfig } from 'node:util'
import type { RunOutcome, Say } from './outcome.ts'

/** `pnpm faults …`, by its words. */
export interface Command {
  readonly usage: string
  /** Those named in `numbers` are handed to `run` as such. */
  readonly options: ParseArgsOptionsConfig
  readonly numbers: readonly string[]
  /** @param given the options and `broker`, unchecked: the run knows the words */
  run(given: Readonly<Record<string, unknown>>, say: Say): Promise<RunOutcome>
}
