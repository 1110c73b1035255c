import { CommunicationConfig, type MessageBrokerConfig } from '@comm/config'
import { UsageError } from '../usage-error.ts'
import { sectionOfUrl } from './broker-url.ts'

/** A broker that a command is to talk with. */
export interface ChosenBroker {
  readonly section: MessageBrokerConfig
  /** Path of the section in the configuration; undefined when it came from a URL. */
  readonly path: string | undefined
}

/**
 * The broker that `--broker` names, or `messageBroker`.
 * @param choice a name of `messageBrokers`, or a URL
 * @throws UsageError for a name that there is not, and where no broker is configured
 */
export function chooseBroker(config: CommunicationConfig, choice: string | undefined): ChosenBroker {
  if (choice?.includes('://')) return { section: urlSection(choice), path: undefined }
  if (choice === undefined) {
    const { messageBroker } = config
    if (messageBroker.type !== 'memory') return { section: messageBroker, path: 'messageBroker' }
    throw new UsageError(`no broker is configured: set MESSAGE_BROKER_TYPE, or pass --config or --broker${namesOf(config)}`)
  }
  const section = Object.hasOwn(config.messageBrokers, choice) ? config.messageBrokers[choice] : undefined
  if (section === undefined)
    throw new UsageError(`--broker must be a URL or a name of messageBrokers, got ${JSON.stringify(choice)}${namesOf(config)}`)
  if (section.type === 'memory')
    throw new UsageError(
      `messageBrokers.${choice} is of type memory: its messages are in another process, which nobody can look into`,
    )
  return { section, path: `messageBrokers.${choice}` }
}

function urlSection(url: string): MessageBrokerConfig {
  return CommunicationConfig.from({ messageBroker: sectionOfUrl(url) }).messageBroker
}

function namesOf({ messageBrokers }: CommunicationConfig): string {
  const names = Object.keys(messageBrokers)
  return names.length === 0 ? '' : `; there is ${names.join(', ')}`
}

/** Where it is, for people: `rabbitmq at localhost:5672`. */
export function describeBroker({ type, host, port, hosts }: MessageBrokerConfig): string {
  const where = hosts.length > 0 ? hosts.join(', ') : `${host}${port === undefined ? '' : `:${port}`}`
  return type === 'memory' ? 'memory, in this process' : `${type} at ${where}`
}
