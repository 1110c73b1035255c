import { withDefaults } from '@comm/core/options'
import type { TlsFiles } from '../certificates.ts'
import type { Place } from '../kind.ts'
import { KAFKA_SERVER_DEFAULTS, type KafkaServerOptions } from './kafka-options.ts'

type ListenerName = 'main' | 'sasl' | 'tls' | 'saslTls'

const PROTOCOLS: Readonly<Record<ListenerName, string>> = {
  main: 'PLAINTEXT',
  sasl: 'SASL_PLAINTEXT',
  tls: 'SSL',
  saslTls: 'SASL_SSL',
}
const SECURITY = 'org.apache.kafka.common.security'

/** The listeners that the options ask for, in the order of their ports. */
export function kafkaListeners(options: KafkaServerOptions): readonly ['main', ...ListenerName[]] {
  const sasl = Object.keys(options.users ?? {}).length > 0
  const names: ['main', ...ListenerName[]] = ['main']
  if (sasl) names.push('sasl')
  if (options.tls) names.push('tls')
  if (sasl && options.tls) names.push('saslTls')
  return names
}

/** @param data where the log is kept: in a container not the folder of the configuration, which the server may only read */
export function kafkaFiles(
  options: KafkaServerOptions,
  tls: TlsFiles | undefined,
  { folder, listen, ports }: Place,
  data: string,
): Readonly<Record<string, string>> {
  const { users, tls: kind, config } = withDefaults(KAFKA_SERVER_DEFAULTS, options)
  const names = kafkaListeners(options)
  const listeners = (host: string) => names.map((name) => `${name.toUpperCase()}://${host}:${ports[name]}`).join(',')
  const controller = `127.0.0.1:${ports['controller']}`
  const lines: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `${listeners(listen)},CONTROLLER://${controller}`,
    'advertised.listeners': listeners('127.0.0.1'),
    'listener.security.protocol.map': `${names.map((name) => `${name.toUpperCase()}:${PROTOCOLS[name]}`).join(',')},CONTROLLER:PLAINTEXT`,
    'inter.broker.listener.name': 'MAIN',
    'log.dirs': data,
    ...SINGLE_BROKER,
  }
  if (Object.keys(users).length > 0) {
    lines['sasl.enabled.mechanisms'] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'
    for (const name of names.filter((name) => name.startsWith('sasl'))) Object.assign(lines, logins(name, users))
  }
  if (tls) {
    Object.assign(lines, {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': `${folder}/keystore.pem`,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': `${folder}/ca.pem`,
      'ssl.client.auth': kind === 'mutual' ? 'required' : 'none',
    })
  }
  Object.assign(lines, config)
  return {
    'server.properties': Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
    'log4j2.properties': LOGGING,
    ...(tls && { 'ca.pem': tls.ca, 'keystore.pem': `${tls.key}\n${tls.cert}` }),
  }
}

/** One replica of everything, few internal partitions, and no waiting for members that may yet join. */
const SINGLE_BROKER = {
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'log.cleaner.dedupe.buffer.size': '16777216',
}

const LOGGING = `rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1} %m%n
`

function logins(listener: string, users: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = `listener.name.${listener.toLowerCase()}`
  const plain = Object.entries(users).map(([name, password]) => ` user_${name}=${quoted(password)}`)
  return {
    [`${prefix}.plain.sasl.jaas.config`]: `${SECURITY}.plain.PlainLoginModule required${plain.join('')};`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: `${SECURITY}.scram.ScramLoginModule required;`,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: `${SECURITY}.scram.ScramLoginModule required;`,
    [`${prefix}.oauthbearer.sasl.jaas.config`]: `${SECURITY}.oauthbearer.OAuthBearerLoginModule required;`,
  }
}

/** The words of `StorageTool format` that make the SCRAM credentials. */
export function scramArguments(users: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(users).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  )
}

/** A word of a JAAS line, which is itself a value of a properties file: what escapes there is written twice. */
function quoted(text: string): string {
  const word = text.replace(/[\\"]/g, '\\$&')
  return `"${word.replaceAll('\\', '\\\\')}"`
}
