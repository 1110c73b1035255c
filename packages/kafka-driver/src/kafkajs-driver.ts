import {
  AuthenticationError,
  type CommunicationError,
  ConnectionError,
  describeEndpoint,
  unlessAborted,
  withinLimit,
} from '@comm/core'
import { readTls } from '@comm/core/tls'
import { adapterErrors } from '@comm/messaging/adapter'
import kafkajs, { type Kafka as KafkaClient, type RetryOptions, type SASLOptions } from 'kafkajs'
import { loadCodecs } from './codecs.ts'
import type { KafkaDriver, KafkaLink, KafkaMember, MemberEvents } from './driver.ts'
import { meetClusters, mendConnections } from './kafkajs-clusters.ts'
import { fromKafka } from './kafkajs-errors.ts'
import { KafkaJsLink } from './kafkajs-link.ts'
import { KafkaJsMember } from './kafkajs-member.ts'
import { writeProduces } from './kafkajs-produce.ts'
import type { ResolvedConnection } from './options.ts'
import { Sockets } from './sockets.ts'

const { Kafka, logLevel } = kafkajs

/** Enough for a leader that is being elected. */
const FEW = 2
const RETRY = { initialRetryTime: 100, maxRetryTime: 1000, factor: 0.2, multiplier: 2 }

/** Kafka through kafkajs 2. */
export class KafkaJsDriver implements KafkaDriver {
  readonly #options: ResolvedConnection

  constructor(options: ResolvedConnection) {
    this.#options = options
  }

  async open(onBroken: (reason: CommunicationError) => void, signal: AbortSignal): Promise<KafkaLink> {
    const { servers, translateAddress, connectionTimeoutMs, clock, producerConfig } = this.#options
    await loadCodecs(producerConfig.compressionType)
    const sockets = new Sockets(translateAddress, () => void link.check())
    const kafka = await this.#client(sockets, { ...RETRY, retries: Math.max(FEW, servers.length - 1) })
    const patient = await this.#client(sockets, { ...RETRY, retries: 10 })
    writeProduces(kafka)
    const link = new KafkaJsLink(kafka, patient, sockets, this.#options, onBroken)
    const what = `connect to Kafka at ${servers.map(describeEndpoint).join(', ')}`
    try {
      const opened = link.connect().then(() => true)
      const limitMs = connectionTimeoutMs * servers.length
      if ((await unlessAborted(withinLimit(clock, limitMs, opened), signal)) === undefined)
        throw new ConnectionError(`cannot ${what}: it did not answer within ${limitMs} ms`)
    } catch (thrown) {
      const error = signal.aborted ? adapterErrors('Kafka').aborted('connecting to', signal) : this.#failure(what, thrown)
      sockets.cut(error)
      void link.close()
      throw error
    }
    return link
  }

  async member(groupId: string, topics: readonly string[], events: MemberEvents): Promise<KafkaMember> {
    const sockets = new Sockets(this.#options.translateAddress, () => undefined)
    // Without an end: a consumer of kafkajs that gives up loses its place in the group.
    const retry = { ...RETRY, retries: Number.MAX_SAFE_INTEGER }
    const kafka = await this.#client(sockets, retry)
    return new KafkaJsMember(kafka, sockets, { groupId, topics, retry, events }, this.#options)
  }

  async #client(sockets: Sockets, retry: RetryOptions): Promise<KafkaClient> {
    const { servers, clientId, ssl, connectionTimeoutMs, producerConfig } = this.#options
    const sasl = this.#sasl()
    const kafka = new Kafka({
      // kafkajs stops trying where there is none.
      brokers: () => (sockets.isCut ? [] : servers.map(({ host, port }) => `${host}:${port}`)),
      clientId,
      connectionTimeout: connectionTimeoutMs,
      authenticationTimeout: connectionTimeoutMs,
      requestTimeout: producerConfig.requestTimeoutMs,
      retry,
      socketFactory: sockets.factory,
      // What matters comes back as errors; the rest are steps of kafkajs that are tried again.
      logLevel: logLevel.NOTHING,
      ...(ssl.enabled === false ? undefined : { ssl: await readTls('kafka.ssl', ssl) }),
      ...(sasl === undefined ? undefined : { sasl }),
    })
    meetClusters(kafka, mendConnections)
    return kafka
  }

  /** To a token that it refuses, a broker says nothing that kafkajs understands, and closes. */
  #failure(what: string, thrown: unknown): CommunicationError {
    const error = fromKafka(what, thrown)
    if (this.#options.saslMechanism !== 'oauthbearer' || !/broker closed/.test(error.message)) return error
    return new AuthenticationError(`${error.message}, perhaps over the token. Check what oauthToken gives`, { cause: error })
  }

  #sasl(): SASLOptions | undefined {
    const { saslMechanism: mechanism, username = '', password = '', oauthToken } = this.#options
    if (mechanism === undefined) return undefined
    if (mechanism !== 'oauthbearer') return { mechanism, username, password }
    return { mechanism, oauthBearerProvider: async () => ({ value: (await oauthToken?.()) ?? '' }) }
  }
}
