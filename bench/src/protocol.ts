import type { SetupInput } from './area.ts'
import type { Sample } from './measure.ts'

/** What the harness asks a contender's process, one request at a time. */
export type Request =
  | { readonly ask: 'setup'; readonly module: string; readonly input: SetupInput }
  | { readonly ask: 'time'; readonly operations: number; readonly inFlight: number }
  | { readonly ask: 'bytes' }
  | { readonly ask: 'startProfile' }
  | { readonly ask: 'writeProfile'; readonly file: string }
  | { readonly ask: 'close' }

/** The type of `value` in the answer to each request. */
export interface Answers {
  readonly setup: null
  readonly time: Sample
  readonly bytes: number
  readonly startProfile: null
  readonly writeProfile: null
  readonly close: null
}

export type Answer = { readonly value: Answers[keyof Answers] } | { readonly error: string }
