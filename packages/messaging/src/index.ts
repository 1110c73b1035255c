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
export { MemoryBrokerAdapter, type MemoryBrokerAdapterOptions } from './memory/adapter.ts'
export { MEMORY_SERVER_DEFAULTS, type MemoryServerOptions } from './memory/options.ts'
export { MemoryServer } from './memory/server.ts'
