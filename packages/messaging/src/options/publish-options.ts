import { checkOptions, nonEmptyText, number, object, oneOf, type Rule } from '@comm/core/options'
import type { HeaderValue } from '../broker.ts'
import { isReservedHeader } from '../headers.ts'
import { abortSignal, positiveMs } from './rules.ts'

export interface PublishOptions {
  /** Messages of one key keep their order as far as the broker can keep it. */
  readonly key?: string
  /** Headers of your own; names starting with `ce_` or `comm-` are ours. */
  readonly headers?: Readonly<Record<string, HeaderValue>>
  /** CloudEvents `id`, unique within the source: what deduplication compares. @default a random UUID */
  readonly id?: string
  /** CloudEvents `type`. @default the topic's name */
  readonly type?: string
  /** CloudEvents `subject`. */
  readonly subject?: string
  /** @default by the body: `application/octet-stream` for bytes, `text/plain` for strings, else `application/json` */
  readonly contentType?: string
  /** @default the current context's, or a new one */
  readonly correlationId?: string
  /** Deliver it this much later. Needs a broker with `features.delay`. */
  readonly delayMs?: number
  /** Epoch milliseconds after which it is dropped undelivered. */
  readonly expiresAt?: number
  /** 0 (lowest) to 9, where the broker has priorities. */
  readonly priority?: number
  /** What a message is that nobody takes. @default 'error' */
  readonly unroutable?: 'error' | 'ignore'
  /** @default the client's publishTimeoutMs */
  readonly timeoutMs?: number
  /** Gives up waiting; the message may have been stored already. */
  readonly signal?: AbortSignal
}

export const userHeaders: Rule = {
  expected:
    'an object of strings and Uint8Arrays whose names do not start with ce_ or comm- and are not content-type, traceparent or tracestate',
  accepts: (value) =>
    object.accepts(value) &&
    Object.entries(value as object).every(
      ([name, header]: [string, unknown]) =>
        !isReservedHeader(name) && (typeof header === 'string' || header instanceof Uint8Array),
    ),
}

/** The last moment that a Date can hold. */
const LAST_DATE_MS = 8_640_000_000_000_000

/** Half of that: now and it still make a moment. */
const LONGEST_DELAY_MS = LAST_DATE_MS / 2

const PUBLISH_RULES: { readonly [Key in keyof Required<PublishOptions>]: Rule } = {
  key: nonEmptyText,
  headers: userHeaders,
  id: nonEmptyText,
  type: nonEmptyText,
  subject: nonEmptyText,
  contentType: nonEmptyText,
  correlationId: nonEmptyText,
  delayMs: number({ min: 0, max: LONGEST_DELAY_MS }),
  expiresAt: number({ min: 0, max: LAST_DATE_MS }),
  priority: number({ min: 0, max: 9, integer: true }),
  unroutable: oneOf('error', 'ignore'),
  timeoutMs: positiveMs,
  signal: abortSignal,
}

/** On the path of every publish, so `checkOptions`, which finds the words, is asked only when there is something to say. */
export function checkPublishOptions(options: PublishOptions): void {
  if (!isRight(options)) checkOptions<PublishOptions>('publish', options, PUBLISH_RULES)
}

function isRight(options: PublishOptions): boolean {
  if (typeof options !== 'object' || options === null) return false
  for (const name in options) {
    const value = options[name as keyof PublishOptions]
    if (
      value !== undefined &&
      !(Object.hasOwn(PUBLISH_RULES, name) && PUBLISH_RULES[name as keyof PublishOptions].accepts(value))
    )
      return false
  }
  return true
}
