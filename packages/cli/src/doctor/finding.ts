/** What came of one check of a connection. */
export interface Finding {
  readonly check: 'configuration' | 'package' | 'connection' | 'answer' | 'health' | 'round trip'
  readonly status: 'ok' | 'wrong' | 'skipped'
  /** What was seen, in one line, without any secret. */
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
  /** Settings that have to do with it, and where each comes from. */
  readonly settings?: readonly { readonly key: string; readonly source: string }[]
}

/** One connection of the configuration, and what was found out about it. */
export interface ConnectionReport {
  /** Path of its section: `messageBroker`, `httpClients.billing`. */
  readonly connection: string
  /** What it connects to: `rabbitmq at localhost:5672`. */
  readonly target: string
  readonly findings: readonly Finding[]
}

export function isWell({ findings }: ConnectionReport): boolean {
  return findings.every(({ status }) => status !== 'wrong')
}
