import type { Logger } from '@comm/core'

/** What every client is built with, beside its own section of the configuration. */
export interface BuildContext {
  /** Name of the component in health, logs and shutdown reports. */
  readonly name: string
  readonly serviceName: string | undefined
  readonly correlationHeader: string
  readonly detailedMetrics: boolean
  readonly logger: Logger
}
