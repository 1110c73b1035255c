/**
 * What a bench is made of. An area is a folder `src/areas/<name>/` whose `area.ts` exports `area: Area`: plain data that
 * names the works, who does them, and what may not be exceeded. The harness does the rest.
 */
export interface Area {
  /** The folder's name. */
  readonly name: string
  /** Folders of `packages/` that this area measures, for `bench --package`. */
  readonly packages: readonly string[]
  readonly works: readonly Work[]
  /**
   * Runs once before the first work, in the harness's own process: starts servers, builds, finds ports.
   * @param works those that will be measured
   */
  prepare?(signal: AbortSignal, works: readonly Work[]): Promise<Prepared>
}

export interface Prepared {
  /** Handed to every contender's `setup`: URLs, ports. */
  readonly environment: Environment
  /** Before each run of a contender, warm-up included, in the harness's own process and unmeasured: fills queues. */
  beforeRun?(run: Run): Promise<void>
  /** After it, likewise: counts and removes what came of it. Throws when that is not what the work says. */
  afterRun?(run: Run): Promise<void>
  /** Runs once after the last work, also after a failure. */
  stop(): Promise<void>
}

export type Environment = Readonly<Record<string, string>>

export interface Run {
  readonly work: Work
  readonly contender: Contender
  readonly operations: number
}

/** The same thing done by several contenders, compared with each other. */
export interface Work {
  /** Stable: it is the key of the case in the JSON file. */
  readonly name: string
  readonly contenders: readonly Contender[]
  /** Name of the contender whose cost is 1. */
  readonly baseline: string
  /** Operations under way at any time. @default 1 */
  readonly inFlight?: number
  /**
   * Operations under way while a contender warms up: more where one at a time spends its time waiting, so that what is measured is the
   * compiled code of a process that has run for a while. @default inFlight
   */
  readonly warmUpInFlight?: number
  /** Processor time for which a contender warms up: more where much code has to be compiled before it is in its steady state. @default 1000 */
  readonly warmUpMs?: number
  /** `cpu`: processor time of the contender's process. `wall`: elapsed time. @default 'cpu' */
  readonly cost?: 'cpu' | 'wall'
  /** Measure what one operation allocates. @default false */
  readonly bytes?: boolean
  /** A new process for every round, and one cold operation in it: start-up costs. @default false */
  readonly cold?: boolean
  /**
   * Processes of each contender, whose medians are averaged: more where processes of the same code differ by as much as contenders do. One when
   * cold or profiled. Not for what consumes: processes of a contender would take each other's messages. @default 1
   */
  readonly processes?: number
  /** About how long a round takes; longer where each has costs that are not the operations'. @default 300 */
  readonly roundMs?: number
  /** @default 7, or 21 when cold */
  readonly rounds?: number
  readonly limits?: readonly Limit[]
}

export interface Contender {
  /** Ours begin with `@comm/`; a raw client bears its package's name. */
  readonly name: string
  /** A module that exports `setup: Setup`. Write `import.meta.resolve('./contender.ts')`. */
  readonly module: string
  /** Handed to `setup`, so that several contenders can share a module. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Further options of Node for its process. The harness adds `--conditions=@comm/source` unless `built` is set. */
  readonly nodeOptions?: readonly string[]
  /** Load our packages as they are published, from `dist/`; `prepare` then has to build them. @default false */
  readonly built?: boolean
}

/** Broken limits make a full run exit with 1. A short run has none. */
export type Limit =
  /** The contender's cost is at most `atMost` times that of another. */
  | { readonly contender: string; readonly atMost: number; readonly timesOf: string }
  /** The contender does at least `atLeast` times as many operations a second as another. */
  | { readonly contender: string; readonly atLeast: number; readonly rateOf: string }
  /** Absolute, and so true of one machine only: for promises that are made in so many words. */
  | { readonly contender: string; readonly atMostCpuUs: number }
  /** What the contender costs more than `over` is at most this share of what `of` costs: what is put around something, beside the whole. */
  | { readonly contender: string; readonly over: string; readonly atMostShare: number; readonly of: string }
  /** The contender allocates at most this much per operation. */
  | { readonly contender: string; readonly atMostBytes: number }
  /**
   * The contenders do so many steps each, and a step more costs about the same along the whole row: between no two neighbours does it cost
   * more than `atMost` times what it costs on average.
   */
  | { readonly steps: readonly (readonly [contender: string, steps: number])[]; readonly atMost: number }

export interface SetupInput {
  readonly environment: Environment
  readonly parameters: Readonly<Record<string, unknown>>
  readonly inFlight: number
}

export type Ready = Prover & (Operator | Runner)

interface Prover {
  /** Runs once before anything is measured; throws when the contender does not do what the work says. */
  verify?(): Promise<void>
  close?(): Promise<void>
  /** Processor milliseconds so far of processes of its own, which count too. */
  otherCpuMs?(): number
}

interface Operator {
  /** One operation. It must reject when the work was not done. The harness keeps `inFlight` of them under way. */
  op(): Promise<unknown>
}

/** For operations that come by themselves (messages to a consumer), or several at a time. */
interface Runner {
  /**
   * Does so many operations and times them: what is before the start (to connect, to join a group) and after the stop is not measured.
   * It must reject when the work was not done.
   */
  run(operations: number, stopwatch: Stopwatch): Promise<void>
}

/** Each is called once in a run. */
export interface Stopwatch {
  start(): void
  /** @param done operations since the start, when some were done before it. @default all of the run */
  stop(done?: number): void
}

export type Setup = (input: SetupInput) => Promise<Ready> | Ready

/** What `--json` writes. */
export interface Report {
  readonly area: string
  readonly node: string
  readonly short: boolean
  readonly cases: readonly Case[]
}

export interface Case {
  readonly work: string
  readonly baseline: string
  readonly inFlight: number
  /** Of each contender. */
  readonly processes: number
  readonly rounds: number
  /** Which of the two times `ratioToBaseline` compares. */
  readonly cost: 'cpu' | 'wall'
  readonly rows: readonly Row[]
}

/** Medians over all rounds of a process; the mean of them where a contender has several. */
export interface Row {
  readonly contender: string
  /** Elapsed nanoseconds per operation (with several in flight: elapsed time divided by operations). */
  readonly nsPerOp: number
  /** Processor microseconds per operation, user and system, all threads of the process. */
  readonly cpuUsPerOp: number
  readonly opsPerS: number
  readonly bytesPerOp?: number
  readonly ratioToBaseline: number
}
