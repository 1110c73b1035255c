/** One part of `pnpm check`. */
export interface Part {
  readonly name: string
  /** Completes `fails when …`, for `pnpm check --help`. */
  readonly failsWhen: string
  /** Needs the declarations and `dist/` folders that the part `types` writes. @default false */
  readonly afterTypes?: boolean
  run(root: string): Promise<PartResult>
}

export interface PartResult {
  /** How many files, or documents, or benches were looked at. A part that read nothing has failed: it checks nothing. */
  readonly read: number
  /** What was read, for the summary: `files`, `snippets`. */
  readonly unit: string
  /** Each names the file, and its line where there is one. */
  readonly failures: readonly string[]
  /** Worth knowing, no failure. */
  readonly notes?: readonly string[]
}

export interface PartOutcome {
  readonly part: Part
  readonly result: PartResult
  readonly elapsedMs: number
}

/** Runs a part; a throw and an empty reading become failures. */
export async function runPart(part: Part, root: string): Promise<PartOutcome> {
  const startedAt = performance.now()
  let result: PartResult
  try {
    result = await part.run(root)
    if (result.read === 0)
      result = { ...result, failures: [...result.failures, `read no ${result.unit}: this part checks nothing`] }
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    result = { read: 0, unit: 'files', failures: [`could not run: ${reason}`] }
  }
  return { part, result, elapsedMs: performance.now() - startedAt }
}
