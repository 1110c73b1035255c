import type { Work } from './area.ts'

export interface Effort {
  /** Of each contender. */
  readonly processes: (work: Work) => number
  readonly rounds: (work: Work) => number
  /** Processor time. */
  readonly warmUpMs: (work: Work) => number
  readonly roundMs: (work: Work) => number
  /** A folder for profiles of the measured rounds. */
  readonly profiles?: string | undefined
}

export const FULL: Effort = {
  processes: ({ processes }) => processes ?? 1,
  rounds: ({ cold, rounds }) => rounds ?? (cold ? 21 : 7),
  warmUpMs: ({ warmUpMs }) => warmUpMs ?? 1000,
  roundMs: ({ roundMs }) => roundMs ?? 300,
}
/** Shows that a bench still runs; its figures mean nothing. */
export const SHORT: Effort = { processes: () => 1, rounds: () => 1, warmUpMs: () => 10, roundMs: () => 10 }
