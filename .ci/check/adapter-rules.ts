/** Where the adapters are. */
export const ADAPTERS = 'packages/messaging-'

/** Lines of `src/` without blank ones and comments. */
export const MOST_LINES_A_PACKAGE = 1200
/** Lines as they are. */
export const MOST_LINES_A_FILE = 300

/** The contract; what it declares may be taken from `@comm/messaging`. */
export const CONTRACT = 'packages/messaging/src/broker.ts'
/** Parts that adapters share, `@comm/messaging/adapter`. */
export const SHARED_PARTS = 'packages/messaging/src/adapter/'

/** What a client class takes beside the contract: it puts the trunk over the adapter. */
export const FOR_CLIENTS: readonly string[] = ['MessageClient', 'MessageClientOptions']

/** What of core decides nothing about a message. Errors may be taken too. */
export const FROM_CORE: readonly string[] = [
  'Backoff',
  'Clock',
  'describeEndpoint',
  'Endpoint',
  'exponentialBackoff',
  'Health',
  'hostAndPort',
  'Logger',
  'parseEndpoint',
  'partsOfUrl',
  'pause',
  'serverUrl',
  'silentLogger',
  'sleep',
  'systemClock',
  'Timer',
  'unlessAborted',
  'UP',
  'withinLimit',
  'withTimeLimit',
]

/** Spans and schemas are the trunk's. */
export const FOREIGN: readonly string[] = ['@opentelemetry/api', '@standard-schema/spec']

/** What becomes of a message is decided here: what adapters share must not lead to it. */
export const STAGES: readonly string[] = [
  'packages/messaging/src/pipeline/',
  'packages/messaging/src/buffer/',
  'packages/messaging/src/observe/',
  'packages/messaging/src/codec.ts',
  'packages/messaging/src/dead-letters.ts',
  'packages/messaging/src/publisher.ts',
  'packages/messaging/src/request-reply.ts',
  'packages/messaging/src/responder.ts',
  'packages/messaging/src/subscription.ts',
]
