/** One place at which a service can be called. */
export interface Instance {
  /** Unique among the instances of its service, and the same for as long as it lives. */
  readonly id: string
  readonly host: string
  readonly port: number
  /** Its share of the calls beside others', with strategies that heed it; more than 0. @default 1 */
  readonly weight?: number
  /** Where it runs: an availability zone, a region, a data centre. */
  readonly zone?: string
  readonly version?: string
  readonly metadata?: Readonly<Record<string, string>>
}

/** Where the instances of one service are known: a fixed list, DNS, a registry. */
export interface EndpointSource {
  /** What is known now, empty when nothing is. Replaced at each change, never changed itself; `id`s are unique in it. */
  readonly instances: readonly Instance[]
  /** The registry is away, and this is the last that it said. */
  readonly isStale: boolean
  /** Resolves when the first answer is there, be it an empty one. @throws CommunicationError why there is none; the signal's reason */
  ready(signal?: AbortSignal): Promise<void>
  /** Calls back synchronously after each change. @returns stops it; idempotent */
  watch(onChange: () => void): () => void
}
