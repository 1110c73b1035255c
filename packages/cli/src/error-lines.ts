import { CommunicationError, redactCredentials } from '@comm/core'
import { printable } from './format/printable.ts'
import { UsageError } from './usage-error.ts'

const DEEPEST = 10

/** An error as it is told to people: one line; with `isVerbose` its stack and those of its causes too. */
export function errorLines(thrown: unknown, isVerbose: boolean): readonly string[] {
  const error = thrown instanceof UsageError ? thrown : CommunicationError.from(thrown)
  const code = error instanceof CommunicationError ? ` (${error.code})` : ''
  const line = `comm: ${error.message.replace(/\s*\n\s*/g, ' ')}${code}`
  return (isVerbose ? [line, ...stackLines(thrown, 0)] : [line]).map((each) => printable(redactCredentials(each)))
}

function stackLines(thrown: unknown, depth: number): readonly string[] {
  if (!(thrown instanceof Error)) return [String(thrown)]
  const { stack, cause, message } = thrown
  const own = (stack ?? message).split('\n').map((line) => `  ${line}`)
  return cause === undefined || depth >= DEEPEST ? own : [...own, '  caused by', ...stackLines(cause, depth + 1)]
}
