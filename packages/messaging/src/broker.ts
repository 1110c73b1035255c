/**
 * The broker contract: all that the trunk asks of a broker. An adapter moves bytes and tells the truth about what became of
 * them. It never retries, dead-letters, deduplicates, validates or traces; the message pipeline does that once, for every
 * broker. `brokerContract` in `@comm/testkit` is this file as a test-suite.
 */
import type { CommunicationError, Health } from '@comm/core'

/** Foreign numbers and booleans arrive as text, foreign tables as JSON text. */
export type HeaderValue = string | Uint8Array

export interface OutboundRecord {
  readonly topic: string
  /**
   * Only this group of the topic gets the record (a retry, a dead letter, the replay of one); absent: every group. A group that does
   * not exist yet is made, so that the record waits for it: it is never unroutable.
   */
  readonly group?: string
  /** Records of one key keep their order as far as `features.ordering` says. */
  readonly key?: string
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, HeaderValue>>
  /** Epoch milliseconds before which it is not delivered. A record that comes back early is delayed again by the trunk. */
  readonly notBefore?: number
  /** Epoch milliseconds after which nobody wants it; the broker may drop it then, the trunk does. */
  readonly expiresAt?: number
  /** 0 (lowest) to 9; ignored where `features.priority` is false. */
  readonly priority?: number
  /**
   * What a record is that no queue, topic or subscriber takes: refused, or accepted and forgotten (kept where the broker
   * keeps records without consumers). @default 'error'
   */
  readonly unroutable?: 'error' | 'ignore'
}

/** `stored: 'no'`: the broker certainly does not have it. `'unknown'`: it may, so a resend may duplicate it. */
export type PublishResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly stored: 'no' | 'unknown'; readonly error: CommunicationError }

export interface SubscribeRequest {
  readonly topics: readonly string[]
  /** The topics are patterns: `*` stands for one dot-separated word, `#` for any number of them. Needs `features.patterns`. */
  readonly pattern?: boolean
  /**
   * Members of one group share the records. Absent: ephemeral, a copy of every record of its own (reply queues); what is
   * published while it is not connected, or waits unsettled when the connection is lost, may be lost to it.
   */
  readonly group?: string
  /** Never more deliveries than this are handed over and unsettled. */
  readonly maxUnsettled: number
  /**
   * `key`: deliveries of one key have one `lane`, and one lane has at most one unsettled delivery.
   * `source`: the same by the unit in which the broker keeps order (partition, queue). `none`: no lanes.
   */
  readonly lanes: 'key' | 'source' | 'none'
  /** A single active consumer where the broker needs that to keep order. */
  readonly ordered?: boolean
  /**
   * The topics are for this subscription alone, which has no group: where topics are kept they are made for it, and deleted when it is
   * disposed of. @default false
   */
  readonly temporary?: boolean
  /** Where a new group begins; an existing one goes on where it was. @default 'new' */
  readonly from?: 'new' | 'earliest' | { readonly timestamp: number }
}

export interface Delivery {
  readonly topic: string
  /** The broker's own name for this record in this topic; the same again when it is redelivered. */
  readonly id: string
  readonly key: string | undefined
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, HeaderValue>>
  /**
   * Their content type, where the adapter knows it before it has read them, and that they have none that the pipeline acts on
   * (`comm-…`, `ce_expirytime`): then they are read only if somebody asks for them. @default absent: they are read at once
   */
  readonly plainType?: string | undefined
  /** Epoch milliseconds at which the broker took it, when known. */
  readonly timestamp: number | undefined
  readonly lane: string | undefined
  /** How often it was delivered before, when the broker counts; 0 the first time. */
  readonly redeliveries: number | undefined
  /**
   * Aborts when this consumer no longer owns the record (connection lost, partition revoked): start no handler once it has.
   * One signal is shared by all deliveries of an assignment or channel.
   */
  readonly lost: AbortSignal
  /**
   * `ack`: done with it for this group. `requeue`: deliver it again, first in its lane; not an attempt.
   * Idempotent: a second call answers as the first did. `lost`: too late, the record will be delivered again elsewhere.
   * Never throws. May be called from inside `onDelivery`. Works after `stopIntake`, not after the subscription's disposal.
   */
  settle(how: 'ack' | 'requeue'): Promise<'settled' | 'lost'>
}

export interface Subscription extends AsyncDisposable {
  /** No delivery is handed over after this resolves; what was handed over can still be settled. Idempotent. */
  stopIntake(): Promise<void>
  /**
   * Resolves when the subscription is over: with an error when the broker ended it for good (topic deleted, permission
   * withdrawn), with undefined after disposal. A lost connection does not end it; it comes back.
   */
  readonly ended: Promise<CommunicationError | undefined>
  /**
   * Records that wait for this member and nobody else: where the broker shares them out beforehand, in partitions. Absent: what its group
   * lags behind waits for any member. @throws CommunicationError
   */
  lag?(): Promise<number>
  // Disposal: gives unsettled deliveries back to the broker, leaves the group. Idempotent.
}

/** What the broker can do: data that the pipeline, the contract suite and the documentation read. */
export interface BrokerFeatures {
  /** The unit in which order is kept: per lane always, `consumer` only with `ordered`, or none at all. */
  readonly ordering: 'partition' | 'consumer' | 'none'
  /** Deliveries survive a consumer that dies, and are redelivered. False: at most once. */
  readonly durable: boolean
  readonly groups: boolean
  readonly patterns: boolean
  /** `notBefore` is honoured by the broker. */
  readonly delay: boolean
  readonly priority: boolean
  /** `redeliveries` is counted. */
  readonly countsRedeliveries: boolean
  /** Headers are kept beside the body. False: the trunk packs them into the body. */
  readonly headers: boolean
  /** `from: 'earliest' | { timestamp }` is honoured. */
  readonly replay: boolean
  /** A record that nobody takes is refused. */
  readonly detectsUnroutable: boolean
  /**
   * Once a record of one `publish` call is refused with a retryable error, no later record of its key in that call is stored.
   * Absent: the trunk puts at most one record of a key into a call, so that a resend cannot overtake.
   */
  readonly keepsKeyOrderInBatch?: true
  /** Largest body in bytes, when the broker sets a limit known in advance. */
  readonly maxBodyBytes?: number
}

export interface BrowseRequest {
  readonly topic: string
  readonly group?: string
  /** @default 100 */
  readonly limit?: number
}

/** A record as it lies in the broker, not delivered to anybody. */
export interface StoredRecord {
  readonly id: string
  readonly topic: string
  readonly key: string | undefined
  readonly body: Uint8Array
  readonly headers: Readonly<Record<string, HeaderValue>>
  readonly timestamp: number | undefined
}

export interface BrokerAdmin {
  /**
   * Records of the topic that the group could have settled and has not: what waits for its time (`notBefore`) does not count until it is
   * due. Where a broker cannot tell all that is due, or all that others hold, they are fewer than there are.
   */
  lag(topic: string, group: string): Promise<number>
  /** Looks without consuming, oldest first. */
  browse(request: BrowseRequest): Promise<readonly StoredRecord[]>
  /** Takes single records out: for the group, where others have the same. Absent where the broker cannot. */
  remove?(topic: string, ids: readonly string[], group?: string): Promise<number>
  /** Empties the topic (for one group where groups have queues of their own). Returns how many were removed. */
  purge(topic: string, group?: string): Promise<number>
}

export interface BrokerAdapter extends AsyncDisposable {
  /** OpenTelemetry `messaging.system`. */
  readonly system: string
  readonly features: BrokerFeatures
  /**
   * Resolves when usable, or throws a typed error (refused, login, TLS). Once connected, it reconnects by itself, with
   * jitter, for as long as it is not disposed. Idempotent. An abort leaves nothing behind.
   */
  connect(signal: AbortSignal): Promise<void>
  /**
   * Sends each record once and answers for each, in the order given. Never throws for a record's fate. While disconnected
   * it answers `stored: 'no'` at once. An abort answers `unknown` for what was already sent. Several calls may be outstanding; no two
   * of them have records of one key. Once it has answered, the signal may serve later calls: all of them together leave one listener
   * on it at most, so it is to be the signal of an AbortController: one made by `AbortSignal.any` stays in memory while it is listened to.
   */
  publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]>
  /**
   * Resolves when deliveries flow, after which `onDelivery` is called synchronously, within the credits of
   * `maxUnsettled`; never from inside a call to the adapter. `onDelivery` must not throw. While disconnected it rejects with
   * a ConnectionError at once; a request that the broker cannot serve (`features`) rejects with COMM_UNSUPPORTED.
   */
  subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription>
  /** Truthful: asks the broker, with a time limit of its own. Never throws; after disposal it is `down`. */
  health(): Promise<Health>
  readonly admin?: BrokerAdmin
  // Disposal: ends every subscription, closes the connection. Idempotent; afterwards every other method throws COMM_CLOSED.
}
