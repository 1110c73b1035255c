import { arrayOf, oneOf, type Rule } from '@comm/core/options'
import { SOURCES, type SourceChoice } from './find/sources.ts'

export interface CommonServerOptions {
  /**
   * The ways to find the server, in the order to try them.
   * @default what the variable COMM_TEST_SERVERS says, else `environment`, `docker`, `local`, `debian12`
   */
  readonly sources?: readonly SourceChoice[]
}

export const sourcesRule: Rule = arrayOf(oneOf(...SOURCES))
