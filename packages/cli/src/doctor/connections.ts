import type { CommunicationConfig, MessageBrokerConfig } from '@comm/config'
import { type BrokerCheckOptions, checkBroker } from './check-broker.ts'
import { checkHttp } from './check-http.ts'
import type { Check } from './examine.ts'

export interface Connection {
  readonly connection: string
  readonly check: Check
}

/** Every connection that somebody set anything about, as the manager would build it. */
export function connectionsOf(config: CommunicationConfig, options: BrokerCheckOptions): readonly Connection[] {
  const { httpClient, httpClients, messageBroker, messageBrokers } = config
  const isSet = (section: string): boolean =>
    Object.entries(config.sources()).some(([key, source]) => key.startsWith(`${section}.`) && source !== 'default')
  return [
    ...(isSet('httpClient') ? [{ connection: 'httpClient', check: checkHttp(httpClient, options) }] : []),
    ...(isSet('messageBroker') ? brokerConnections('messageBroker', messageBroker, options) : []),
    ...Object.entries(httpClients).map(([name, section]) => ({
      connection: `httpClients.${name}`,
      check: checkHttp(section, options),
    })),
    ...Object.entries(messageBrokers).flatMap(([name, section]) => brokerConnections(`messageBrokers.${name}`, section, options)),
  ]
}

/** One for each host: a client is content with the first that answers, and does not tell of the others. */
export function brokerConnections(
  connection: string,
  section: MessageBrokerConfig,
  options: BrokerCheckOptions,
): readonly Connection[] {
  const { hosts } = section
  const single = hosts.length > 1 ? hosts.map((host) => ({ ...section, hosts: [host] })) : [section]
  return single.map((each) => ({ connection, check: checkBroker(each, options) }))
}
