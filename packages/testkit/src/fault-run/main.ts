// `pnpm faults …`: breaks a broker while messages pass, and says what became of them.
import { stderr, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { CommunicationError } from '@comm/core'
import type { Command } from './command.ts'
import { FAULTS, NAMED_COMMANDS } from './commands.ts'

const USAGE = `${[FAULTS, ...Object.values(NAMED_COMMANDS)].map(({ usage }) => usage).join('\n')}
Exit code 1: failed. The last line is the report, as JSON.
`

function commandOf(words: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  const [first = '', ...rest] = words
  const named = Object.hasOwn(NAMED_COMMANDS, first) ? NAMED_COMMANDS[first] : undefined
  return named === undefined ? { command: FAULTS, rest: words } : { command: named, rest }
}

/** @throws TypeError for an option that there is not */
function parse({ options, numbers }: Command, args: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...options, help: { type: 'boolean', short: 'h' } },
  })
  const { help, ...given } = values
  if (help || positionals.length !== 1) return undefined
  const checked = Object.entries(given).map(([name, value]) => [name, numbers.includes(name) ? Number(value) : value])
  return { ...Object.fromEntries(checked), broker: positionals[0] }
}

async function main(): Promise<number> {
  const { command, rest } = commandOf(process.argv.slice(2))
  const given = parse(command, rest)
  if (given === undefined) {
    stdout.write(USAGE)
    return 2
  }
  const { report, failures } = await command.run(given, (line) => stderr.write(`${line}\n`))
  for (const failure of failures) stderr.write(`failed: ${failure}\n`)
  stdout.write(`${JSON.stringify(report)}\n`)
  return failures.length === 0 ? 0 : 1
}

async function exitCode(): Promise<number> {
  try {
    return await main()
  } catch (thrown) {
    const error = CommunicationError.from(thrown)
    const isUsage =
      error.code === 'COMM_CONFIGURATION' || String((thrown as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
    stderr.write(`faults: ${isUsage ? error.message : ((thrown as Error).stack ?? error.message)}\n`)
    return isUsage ? 2 : 1
  }
}

// Without it Node 24.21 now and then closes its handles for ever, at full load, after a server was stopped (`CleanupHandles`).
process.exit(await exitCode())
