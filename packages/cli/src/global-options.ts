import { type Command, Option } from 'commander'
import { parseTimeout } from './arguments/units.ts'

/** Options that every command takes. */
export interface GlobalOptions {
  /** YAML or JSON. */
  readonly config?: string
  readonly profile?: string
  /** The name of one of `messageBrokers`, or a URL. */
  readonly broker?: string
  /** Milliseconds. */
  readonly timeout: number
  readonly verbose?: true
}

const GLOBAL_DEFAULTS: Readonly<Pick<GlobalOptions, 'timeout'>> = Object.freeze({ timeout: 10_000 })

export function addGlobalOptions(program: Command): Command {
  return program
    .option('-c, --config <file>', 'configuration file, YAML or JSON; environment variables win over it')
    .option('-p, --profile <name>', 'profile whose file lies beside it')
    .option('-b, --broker <name|url>', 'a broker of the configuration by its name, or amqp://…, redis://…, kafka://…')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for a server')
        .argParser(parseTimeout)
        .default(GLOBAL_DEFAULTS.timeout, '10s'),
    )
    .option('--verbose', 'show causes, stacks and what the clients log')
}
