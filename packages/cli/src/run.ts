import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { addAuditCommands } from './audit/command.ts'
import { addDeadLetterCommands } from './dead-letters/command.ts'
import { addDocsCommands } from './docs/command.ts'
import { addDoctorCommand } from './doctor/command.ts'
import { errorLines } from './error-lines.ts'
import { addGlobalOptions } from './global-options.ts'
import { type Bind, Invocation } from './invocation.ts'
import { addPublishCommand } from './publish/command.ts'
import { addTailCommand } from './tail/command.ts'
import { type CliIo, Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

const FAILED = 1
const WRONG_USAGE = 2
/** As a shell says of a process that SIGINT ended. */
const INTERRUPTED = 130

/**
 * Runs the `comm` command: `run(['dlq', 'list', 'orders', '--group', 'billing'])`. Never throws; errors are told on `stderr`.
 * @returns the exit code: 0, 1 for a failure, 2 for a command line that is wrong, 130 when it was interrupted
 */
export async function run(words: readonly string[], io: CliIo = {}): Promise<number> {
  using terminal = new Terminal(io)
  const { env = process.env, signal } = io
  let exitCode = 0
  let isVerbose = false
  const bind: Bind = (command, action) =>
    command.action(async () => {
      const invocation = new Invocation(command, terminal, env)
      isVerbose = invocation.global.verbose ?? false
      exitCode = await action(invocation, ...command.args)
    })
  try {
    await programFor(terminal, bind).parseAsync(words, { from: 'user' })
    return exitCode
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : WRONG_USAGE
    // Whoever read has what it wanted: `comm tail … | head -1`.
    if (terminal.isReaderGone) return 0
    if (signal?.aborted) return INTERRUPTED
    for (const line of errorLines(thrown, isVerbose)) terminal.say(line)
    return thrown instanceof UsageError ? WRONG_USAGE : FAILED
  }
}

function programFor(terminal: Terminal, bind: Bind): Command {
  const program = new Command('comm')
    .description(
      'Looks after messages and connections: dead letters, publish, tail, doctor, audit trails, documents of contracts.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => void terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.say(text.trimEnd()),
      outputError: (text, write) => write(`comm: ${text.replace(/^error: /, '')}`),
    })
    .showHelpAfterError('comm --help says what there is')
    .exitOverride()
  addGlobalOptions(program)
  addDeadLetterCommands(program, bind)
  addPublishCommand(program, bind)
  addTailCommand(program, bind)
  addDoctorCommand(program, bind)
  addAuditCommands(program, bind)
  addDocsCommands(program, bind)
  return program
}

function version(): string {
  return (createRequire(import.meta.url)('../package.json') as { readonly version: string }).version
}
