import type { ServerName } from './server.ts'

/** The environment variable that names a running server of each kind. */
export const SERVER_VARIABLES: Readonly<Record<ServerName, string>> = Object.freeze({
  redis: 'COMM_TEST_REDIS_URL',
  rabbitmq: 'COMM_TEST_RABBITMQ_URL',
  kafka: 'COMM_TEST_KAFKA_BROKERS',
  consul: 'COMM_TEST_CONSUL_URL',
  etcd: 'COMM_TEST_ETCD_URL',
  dnsmasq: 'COMM_TEST_DNSMASQ_URL',
  kubernetes: 'COMM_TEST_KUBERNETES_URL',
})
