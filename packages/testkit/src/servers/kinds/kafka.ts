import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checkOptions } from '@comm/core/options'
import { createTlsFiles, type TlsFiles } from '../certificates.ts'
import { commandOnPath } from '../find/path.ts'
import { mavenFolder } from '../install/maven.ts'
import type { Found, LocalPlan, Place, ServerKind } from '../kind.ts'
import { kafkaPing } from '../ping/kafka.ts'
import type { TestServer } from '../server.ts'
import { startServer } from '../start.ts'
import { kafkaFiles, kafkaListeners, scramArguments } from './kafka-config.ts'
import { KAFKA_SERVER_RULES, type KafkaServerOptions } from './kafka-options.ts'

const IMAGE = 'apache/kafka:4.1.0'
const VERSION = '4.3.1'
const LOGGING_VERSION = '2.25.4'
const HEAP = '-Xmx512m'

/**
 * A single broker that is its own controller, ready once it is registered. `url` and `urls` are bootstrap brokers, `host:port`.
 *
 * @throws ConfigurationError if an option is wrong; ServiceUnavailableError if none could be found or started
 */
export async function startKafka(options: KafkaServerOptions = {}): Promise<TestServer> {
  checkOptions('kafka', options, KAFKA_SERVER_RULES)
  const tls = options.tls ? await createTlsFiles() : undefined
  return startServer(kafkaKind(options, tls), options.sources)
}

function kafkaKind(options: KafkaServerOptions, tls: TlsFiles | undefined): ServerKind {
  const { sources: _, ...shaping } = options
  const [, ...others] = kafkaListeners(options)
  return {
    name: 'kafka',
    label: 'Kafka',
    ports: ['main', ...others, 'controller'],
    special: Object.values(shaping).some((value) => value !== undefined),
    tls,
    readyMs: 180_000,
    advice: 'install Java 17 and Maven (Debian: apt-get install default-jre-headless maven), or set KAFKA_HOME',
    parseUrl: (brokers) => {
      const { hostname, port } = new URL(`kafka://${brokers.split(',', 1)[0]}`)
      if (port === '') throw new TypeError('no port')
      return { host: hostname, port: Number(port) }
    },
    urls: (host, ports) => ({
      url: `${host}:${ports['main']}`,
      urls: Object.fromEntries(others.map((name) => [name, `${host}:${ports[name]}`])),
    }),
    async findLocal() {
      const home = process.env['KAFKA_HOME']
      return home === undefined || home === '' ? undefined : found(join(home, 'libs'))
    },
    async install() {
      const jars = [
        `org.apache.kafka:kafka_2.13:${VERSION}`,
        `org.apache.logging.log4j:log4j-slf4j-impl:${LOGGING_VERSION}`,
      ] as const
      return found(join(await mavenFolder(`kafka-${VERSION}`, jars), 'libs'))
    },
    local: (program, place) => localPlan(program, place, options, tls),
    docker: (place) => ({
      image: process.env['COMM_TEST_KAFKA_IMAGE'] ?? IMAGE,
      files: kafkaFiles(options, tls, place, '/tmp/comm-data'),
      command: ['sh', '-c', IN_CONTAINER, 'kafka', place.folder, clusterId(), ...scramArguments(options.users ?? {})],
      env: { KAFKA_HEAP_OPTS: HEAP },
    }),
    ping: () => kafkaPing,
  }
}

/** Formatting is left alone at a restart of the container. */
const IN_CONTAINER = `folder=$1 id=$2; shift 2
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted -t "$id" -c "$folder/server.properties" "$@" &&
exec /opt/kafka/bin/kafka-server-start.sh "$folder/server.properties"`

async function found(libs: string): Promise<Found> {
  const java = process.env['JAVA_HOME'] ? join(process.env['JAVA_HOME'], 'bin/java') : await commandOnPath('java')
  if (java === undefined) throw new Error('there is no java on this machine')
  const jar = (await readdir(libs)).map((name) => /^kafka_[\d.]+-(\d[\d.]*)\.jar$/.exec(name)?.[1]).find((version) => version)
  if (jar === undefined) throw new Error(`${libs} has no kafka_….jar`)
  return { command: java, home: libs, version: jar }
}

function localPlan({ command, home }: Found, place: Place, options: KafkaServerOptions, tls: TlsFiles | undefined): LocalPlan {
  const properties = join(place.folder, 'server.properties')
  const java = (main: string, ...args: readonly string[]) => ({
    command,
    args: [HEAP, `-Dlog4j2.configurationFile=${place.folder}/log4j2.properties`, '-cp', `${home}/*`, main, ...args],
  })
  const scram = scramArguments(options.users ?? {})
  return {
    files: kafkaFiles(options, tls, place, join(place.folder, 'data')),
    prepare: java('kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', properties, ...scram),
    server: java('kafka.Kafka', properties),
  }
}

/** Kafka writes a UUID in URL-safe base64, and its tools take one that begins with a dash for an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? clusterId() : id
}
