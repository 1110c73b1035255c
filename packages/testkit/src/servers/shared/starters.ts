import { startConsul } from '../kinds/consul.ts'
import { startDnsmasq } from '../kinds/dnsmasq.ts'
import { startEtcd } from '../kinds/etcd.ts'
import { startKafka } from '../kinds/kafka.ts'
import { startKubernetes } from '../kinds/kubernetes.ts'
import { startRabbitMQ } from '../kinds/rabbitmq.ts'
import { startRedis } from '../kinds/redis.ts'
import type { ServerName, TestServer } from '../server.ts'

/** The options have been JSON on their way here; each starter checks them as it does anybody's. */
export const STARTERS: Readonly<Record<ServerName, (options: object) => Promise<TestServer>>> = Object.freeze({
  redis: startRedis,
  rabbitmq: startRabbitMQ,
  kafka: startKafka,
  consul: startConsul,
  etcd: startEtcd,
  dnsmasq: startDnsmasq,
  kubernetes: startKubernetes,
})
