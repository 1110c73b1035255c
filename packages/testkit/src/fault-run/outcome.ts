/** What a run of any kind comes to. */
export interface RunOutcome<Report extends object = object> {
  /** Printed as one line of JSON. */
  readonly report: Report
  /** Why the run is to be called failed; empty: all is well. */
  readonly failures: readonly string[]
}

/** Hears what happens in a run, a line at a time. */
export type Say = (line: string) => void
