// Runs one of the examples beside it: `pnpm example resilience-patterns`; names them all when it is given none.
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { ConfigurationError } from '@comm/core'

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== basename(import.meta.filename))
  .map((file) => basename(file, '.ts'))
const [name] = process.argv.slice(2)

if (name !== undefined && names.includes(name)) {
  try {
    await import(`./${name}.ts`)
  } catch (error) {
    if (!isUsageError(error)) throw error
    console.error(`pnpm example ${name}: ${error.message}`)
    process.exitCode = 2
  }
} else {
  console.error(`pnpm example NAME, where NAME is one of\n  ${names.join('\n  ')}`)
  process.exitCode = 2
}

/** Words on the command line that the example does not know: the message says it, a stack would not. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof ConfigurationError) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
}
