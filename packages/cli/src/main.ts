#!/usr/bin/env node
// The `comm` command as a process: Ctrl-C ends it in good order, a second one at once.
import { run } from './run.ts'

const stop = new AbortController()
const interrupt = (): void => {
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
  stop.abort()
}
process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
// A reader may leave after the command has ended.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

const exitCode = await run(process.argv.slice(2), { signal: stop.signal })
// Whatever a client left running must not keep a finished command alive.
process.stdout.write('', () => process.exit(exitCode))
