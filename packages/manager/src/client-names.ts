import type { CommunicationConfig, GrpcClientConfig, HttpClientConfig, MessageBrokerConfig } from '@comm/config'
import { ConfigurationError } from '@comm/core'
import { describeValue } from '@comm/core/options'

export type ClientKind = 'http' | 'grpc' | 'messaging'

/** What the settings of a client of each kind are. */
interface Sections {
  readonly http: HttpClientConfig
  readonly grpc: GrpcClientConfig
  readonly messaging: MessageBrokerConfig
}

interface SectionNames {
  readonly one: 'httpClient' | 'grpcClient' | 'messageBroker'
  readonly many: 'httpClients' | 'grpcClients' | 'messageBrokers'
}

const SECTIONS: Readonly<Record<ClientKind, SectionNames>> = {
  http: { one: 'httpClient', many: 'httpClients' },
  grpc: { one: 'grpcClient', many: 'grpcClients' },
  messaging: { one: 'messageBroker', many: 'messageBrokers' },
}

/** `http`, `grpc:billing` … as kind and key; undefined for the discovery and for components that are no clients. */
export function parseClientName(name: string): { readonly kind: ClientKind; readonly key: string | undefined } | undefined {
  const [, kind, key] = /^(http|grpc|messaging)(?::(.*))?$/s.exec(name) ?? []
  return kind === undefined ? undefined : { kind: kind as ClientKind, key }
}

export function isClientName(name: string): boolean {
  return name === 'discovery' || name === 'mesh' || parseClientName(name) !== undefined
}

/** Where the settings of a client are: `httpClient`, `httpClients.billing`. */
export function sectionPath(name: string): string {
  const { kind, key } = parseClientName(name) ?? {}
  if (name === 'mesh') return 'mesh'
  if (kind === undefined) return 'serviceDiscovery'
  return key === undefined ? SECTIONS[kind].one : `${SECTIONS[kind].many}.${key}`
}

/** @throws ConfigurationError when no client of the kind has this name */
export function sectionOf<Kind extends ClientKind>(
  config: CommunicationConfig,
  kind: Kind,
  key: string | undefined,
): Sections[Kind] {
  const { one, many } = SECTIONS[kind]
  if (key === undefined) return config[one] as Sections[Kind]
  const sections = config[many]
  if (Object.hasOwn(sections, key)) return sections[key] as Sections[Kind]
  const expected = `one of ${Object.keys(sections).join(', ') || '(none configured)'}`
  throw new ConfigurationError(`${many} has no '${key}'; there is ${expected}`, {
    problems: [{ key: many, received: describeValue(key), expected }],
  })
}

/** Somebody said something about it. */
export function isSet(config: CommunicationConfig, section: string): boolean {
  return Object.entries(config.sources()).some(([key, source]) => key.startsWith(`${section}.`) && source !== 'default')
}
