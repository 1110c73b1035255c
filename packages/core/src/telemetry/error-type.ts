import { CommunicationError } from '../errors/errors.ts'

/** The `error.type` attribute of the semantic conventions: low cardinality, our code where there is one. */
export function errorType(error: unknown): string {
  if (error instanceof CommunicationError) return error.code
  return error instanceof Error ? error.name : typeof error
}
