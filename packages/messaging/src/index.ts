import type { MessageClient } from './client.ts'

declare module '@comm/core' {
  interface ManagerComponents {
    messaging: MessageClient
  }
}

export type {
  BrokerAdapter,
  BrokerAdmin,
  BrokerFeatures,
  BrowseRequest,
  Delivery,
  HeaderValue,
  OutboundRecord,
  PublishResult,
  StoredRecord,
  SubscribeRequest,
  Subscription,
} from './broker.ts'
export { MessageClient } from './client.ts'
export { bytesCodec, type Codec, jsonCodec, textCodec } from './codec.ts'
export {
  type DeadLetter,
  type DeadLetters,
  type ListOptions,
  REPLAY_DEFAULTS,
  type ReplayOptions,
  type ReplayReport,
} from './dead-letters.ts'
export { type SubscribeDecorator, subscribe, subscribeAll } from './decorator.ts'
export { MemoryBrokerAdapter, type MemoryBrokerAdapterOptions } from './memory/adapter.ts'
export { MEMORY_SERVER_DEFAULTS, type MemoryServerOptions } from './memory/options.ts'
export { MemoryServer } from './memory/server.ts'
export { MemoryBroker, type MemoryBrokerOptions } from './memory-broker.ts'
export type { ManualMeta, MessageInfo, MessageMeta } from './message.ts'
export type { MessagingStats } from './observe/stats.ts'
export { BUFFER_DEFAULTS, type BufferOptions } from './options/buffer-options.ts'
export { CLIENT_DEFAULTS, type MessageClientOptions } from './options/client-options.ts'
export type { PublishOptions } from './options/publish-options.ts'
export {
  DEDUP_DEFAULTS,
  type DedupOptions,
  HANDLER_RETRY_DEFAULTS,
  type HandlerRetryOptions,
  type RespondOptions,
  SUBSCRIBE_DEFAULTS,
  type SubscribeOptions,
} from './options/subscribe-options.ts'
export { type DeadReason, deadLetter, type HandlerVerdict, retryAfter } from './outcome.ts'
export { DEAD_LETTER_GROUP, deadTopic } from './pipeline/republish.ts'
export type { Handler, ManualHandler } from './pipeline/step.ts'
export type { PublishOutcome } from './publish-outcomes.ts'
export type { RequestOptions } from './request-reply.ts'
export type { MessageSubscription } from './subscription.ts'
export { type Topic, topic } from './topic.ts'
