import {
  type Backoff,
  type CommunicationError,
  type DedupStore,
  exponentialBackoff,
  LONGEST_TIMEOUT_MS,
  type Pipeline,
} from '@comm/core'
import {
  boolean,
  callable,
  checkArgument,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { SubscribeRequest } from '../broker.ts'
import type { MessageInfo } from '../message.ts'
import { portableName } from '../topic.ts'
import { backoffRule, count, pipelineRule, positiveMs } from './rules.ts'

export interface HandlerRetryOptions {
  /** Attempts in all, the first included. @default 5 */
  readonly maxAttempts?: number
  /** Wait before each retry; a longer `retryAfterMs` of the error counts instead. @default exponentialBackoff({ baseMs: 1000, maxMs: 60000 }) */
  readonly backoff?: Backoff
  /**
   * True: retries happen here, and the message's lane waits, so that later messages of its key stay behind it.
   * False: the message goes back to the broker until it is due, others go on, and the order of its key is given up. @default false
   */
  readonly inOrder?: boolean
  /** How many of the retries happen here at once before the message goes back to the broker. @default 0 */
  readonly inProcess?: number
  /** Whether another attempt may help. @default unless the error is one of ours that says `retryable: false` */
  readonly retryIf?: (error: CommunicationError) => boolean
}

export const HANDLER_RETRY_DEFAULTS: Readonly<Required<Omit<HandlerRetryOptions, 'retryIf'>>> = Object.freeze({
  maxAttempts: 5,
  backoff: exponentialBackoff({ baseMs: 1000, maxMs: 60_000 }),
  inOrder: false,
  inProcess: 0,
})

export interface DedupOptions {
  readonly store: DedupStore
  /** What makes two messages the same. @default group, topic, CloudEvents source and id */
  readonly key?: (message: MessageInfo) => string
  /** How long a claim outlives its holder; renewed while the handler runs. @default 30000 */
  readonly leaseMs?: number
  /** How long a handled message is remembered. @default 86400000 (a day) */
  readonly rememberMs?: number
}

export const DEDUP_DEFAULTS: Readonly<Required<Pick<DedupOptions, 'leaseMs' | 'rememberMs'>>> = Object.freeze({
  leaseMs: 30_000,
  rememberMs: 86_400_000,
})

export interface SubscribeOptions {
  /** Members of one group share the messages. @default the client's group; none: this subscription gets its own copy of each */
  readonly group?: string
  /** Messages handled at the same time. @default 10 */
  readonly concurrency?: number
  /** `key`: messages of one key one after the other. `source`: those of one partition or queue. `none`: no order. @default 'key' */
  readonly lanes?: 'key' | 'source' | 'none'
  /** Let only one member of the group consume, where the broker needs that to keep order. @default retry.inOrder */
  readonly ordered?: boolean
  /** Where a new group begins. @default 'new' */
  readonly from?: NonNullable<SubscribeRequest['from']>
  readonly retry?: HandlerRetryOptions
  /** Time for one attempt; its signal aborts then, and a handler that does not heed it is left behind. @default 30000 */
  readonly deadlineMs?: number
  /** Handle a redelivered message only once. @default off */
  readonly dedup?: DedupOptions
  /**
   * `manual`: a message is done when its handler's `meta.ack()`, `meta.retry()` or `meta.deadLetter()` is called, before or after the handler
   * has returned. Until then it is unsettled: it holds its place in `concurrency` and in its lane, and `deadlineMs` goes on. @default 'auto'
   */
  readonly ack?: 'auto' | 'manual'
  /**
   * Subscribe anew when nothing was delivered and nothing handled for so long though the group lags and makes no progress; 0 or false: never.
   * Needs a broker that knows the lag, a group, and topics by name. @default 60000
   */
  readonly watchdogMs?: number | false
  /** False: messages that cannot be handled are logged and dropped. @default true with a group, false without */
  readonly deadLetter?: boolean
  /** How a message without content type is read. @default 'application/json' */
  readonly contentType?: string
  /** Policies around the handler: each message's attempts pass through them. @default none */
  readonly resilience?: Pipeline
}

export const SUBSCRIBE_DEFAULTS: Readonly<
  Required<Pick<SubscribeOptions, 'concurrency' | 'lanes' | 'from' | 'deadlineMs' | 'ack' | 'watchdogMs' | 'contentType'>>
> = Object.freeze({
  concurrency: 10,
  lanes: 'key',
  from: 'new',
  deadlineMs: 30_000,
  ack: 'auto',
  watchdogMs: 60_000,
  contentType: 'application/json',
})

const dedupStore = withMethods('a DedupStore', 'claim', 'renew', 'commit', 'release')
const start: Rule = {
  expected: "'new', 'earliest' or { timestamp: epoch milliseconds }",
  accepts: (value) =>
    value === 'new' ||
    value === 'earliest' ||
    (object.accepts(value) && Number.isFinite((value as { timestamp?: unknown }).timestamp)),
}

/** A responder has no retries and no dead letters: the requester gets the error and decides. */
export type RespondOptions = Pick<
  SubscribeOptions,
  'group' | 'concurrency' | 'lanes' | 'deadlineMs' | 'dedup' | 'contentType' | 'resilience'
>

const SUBSCRIBE_RULES: Rules<SubscribeOptions> = {
  group: portableName,
  concurrency: count,
  lanes: oneOf('key', 'source', 'none'),
  ordered: boolean,
  from: start,
  retry: object,
  deadlineMs: positiveMs,
  dedup: object,
  ack: oneOf('auto', 'manual'),
  watchdogMs: either(number({ min: 0, max: LONGEST_TIMEOUT_MS }), oneOf(false)),
  deadLetter: boolean,
  contentType: nonEmptyText,
  resilience: pipelineRule,
}

const { group, concurrency, lanes, deadlineMs, dedup, contentType, resilience } = SUBSCRIBE_RULES
const RESPOND_RULES: Rules<RespondOptions> = { group, concurrency, lanes, deadlineMs, dedup, contentType, resilience }

/** @param clientGroup group of a responder that names none */
export function resolveResponder(options: RespondOptions, clientGroup: string): ResolvedSubscription {
  checkOptions<RespondOptions>('respond', options, RESPOND_RULES)
  return resolveSubscription({ ...options, retry: { maxAttempts: 1 }, deadLetter: false }, clientGroup)
}

function checkSubscribeOptions(options: SubscribeOptions): void {
  checkOptions<SubscribeOptions>('subscribe', options, SUBSCRIBE_RULES)
  if (options.retry !== undefined) {
    checkOptions<HandlerRetryOptions>('subscribe.retry', options.retry, {
      maxAttempts: number({ min: 1, integer: true, infinite: true }),
      backoff: backoffRule,
      inOrder: boolean,
      inProcess: number({ min: 0, integer: true }),
      retryIf: callable,
    })
  }
  if (options.dedup !== undefined) {
    checkOptions<DedupOptions>('subscribe.dedup', options.dedup, {
      store: required(dedupStore),
      key: callable,
      leaseMs: positiveMs,
      rememberMs: number({ min: 1 }),
    })
  }
}

type WithDefaults<Options, Keys extends keyof Options> = Required<Pick<Options, Keys>> & Omit<Options, Keys>

/** A subscription's options with every default in its place. */
export type ResolvedSubscription = Required<Omit<SubscribeOptions, 'group' | 'retry' | 'dedup' | 'resilience' | 'watchdogMs'>> & {
  readonly group: string | undefined
  readonly retry: WithDefaults<HandlerRetryOptions, keyof typeof HANDLER_RETRY_DEFAULTS>
  readonly dedup: WithDefaults<DedupOptions, keyof typeof DEDUP_DEFAULTS> | undefined
  readonly resilience: Pipeline | undefined
  /** 0: off. */
  readonly watchdogMs: number
}

/** @param clientGroup group of a subscription that names none */
export function resolveSubscription(options: SubscribeOptions, clientGroup: string | undefined): ResolvedSubscription {
  checkSubscribeOptions(options)
  const group = options.group ?? clientGroup
  if (options.deadLetter && group === undefined) {
    checkArgument('subscribe.deadLetter', true, {
      expected: 'false without a group: dead letters are kept for the group that failed',
      accepts: () => false,
    })
  }
  const retry = withDefaults(HANDLER_RETRY_DEFAULTS, options.retry ?? {})
  const resolved = withDefaults({ ...SUBSCRIBE_DEFAULTS, ordered: retry.inOrder, deadLetter: group !== undefined }, options)
  return {
    ...resolved,
    group,
    retry,
    dedup: options.dedup && withDefaults(DEDUP_DEFAULTS, options.dedup),
    resilience: options.resilience,
    watchdogMs: resolved.watchdogMs || 0,
  }
}
