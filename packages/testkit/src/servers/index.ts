export { createAuthority, createTlsFiles, type LeafOptions, type TestAuthority, type TlsFiles } from './certificates.ts'
export type { CommonServerOptions } from './common-options.ts'
export { ownProcessSources, SOURCES, SOURCES_DEFAULT, type SourceChoice } from './find/sources.ts'
export { findTool } from './find/tool.ts'
export { startConsul } from './kinds/consul.ts'
export type { ConsulServerOptions } from './kinds/consul-options.ts'
export { DNS_TEST_ZONE, type DnsServer, type DnsServerOptions, startDnsmasq } from './kinds/dnsmasq.ts'
export { startEtcd } from './kinds/etcd.ts'
export { startKafka } from './kinds/kafka.ts'
export { KAFKA_SERVER_DEFAULTS, type KafkaServerOptions } from './kinds/kafka-options.ts'
export { type KubernetesServer, startKubernetes } from './kinds/kubernetes.ts'
export { startRabbitMQ } from './kinds/rabbitmq.ts'
export { RABBITMQ_SERVER_DEFAULTS, type RabbitMQServerOptions } from './kinds/rabbitmq-options.ts'
export { startRedis } from './kinds/redis.ts'
export { REDIS_CLUSTER_DEFAULTS, type RedisCluster, type RedisClusterOptions, startRedisCluster } from './kinds/redis-cluster.ts'
export { REDIS_SERVER_DEFAULTS, type RedisServerOptions } from './kinds/redis-options.ts'
export {
  REDIS_SENTINEL_DEFAULTS,
  type RedisSentinel,
  type RedisSentinelOptions,
  startRedisSentinel,
} from './kinds/redis-sentinel.ts'
export type { ServerName, ServerSource, TestServer } from './server.ts'
export { SHARED_SOCKET } from './shared/protocol.ts'
export { type SharedHost, startSharedHost } from './shared/shared-host.ts'
export { type SharedServerOptions, sharedServer } from './shared/shared-server.ts'
