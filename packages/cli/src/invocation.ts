import { CommunicationConfig } from '@comm/config'
import type { Logger } from '@comm/core'
import type { MessageClient } from '@comm/messaging'
import type { Command } from 'commander'
import { type ChosenBroker, chooseBroker } from './broker/choose-broker.ts'
import { withBroker } from './broker/with-broker.ts'
import type { GlobalOptions } from './global-options.ts'
import { talkLogger } from './talk-logger.ts'
import type { Terminal } from './terminal.ts'

/** One run of one command: what it was asked, and all that it may touch. */
export class Invocation {
  readonly terminal: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  readonly #command: Command

  constructor(command: Command, terminal: Terminal, env: Readonly<Record<string, string | undefined>>) {
    this.#command = command
    this.terminal = terminal
    this.env = env
    this.logger = talkLogger(terminal, this.global.verbose ? 'debug' : 'warn')
  }

  get global(): GlobalOptions {
    return this.#command.optsWithGlobals()
  }

  /** The command's own options, in the form that their parsers gave them. */
  options<Options extends object>(): Options {
    return this.#command.opts()
  }

  /** @throws ConfigurationError with every problem and where it stands */
  loadConfig(): CommunicationConfig {
    const { config, profile } = this.global
    return CommunicationConfig.load({
      env: this.env,
      ...(config === undefined ? {} : { file: config }),
      ...(profile === undefined ? {} : { profile }),
    })
  }

  /** @throws UsageError where no broker is meant; what `withBroker` throws */
  withBroker<Result>(
    use: (client: MessageClient, broker: ChosenBroker) => Promise<Result>,
    options: { readonly serviceName?: string } = {},
    config: CommunicationConfig = this.loadConfig(),
  ): Promise<Result> {
    const { broker, timeout } = this.global
    const chosen = chooseBroker(config, broker)
    const { logger, terminal } = this
    return withBroker({ section: chosen.section, logger, timeoutMs: timeout, signal: terminal.stop, ...options }, (client) =>
      use(client, chosen),
    )
  }
}

/** What a command does. @returns the exit code */
export type Action = (invocation: Invocation, ...words: readonly string[]) => Promise<number>

/** Hangs an action on a command of commander. */
export type Bind = (command: Command, action: Action) => Command
