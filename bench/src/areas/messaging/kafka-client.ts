import { Kafka, logLevel, type Message } from 'kafkajs'
import { sealWithType } from './order.ts'

export const PARTITIONS = 3

/** A raw client. What goes wrong is thrown; what kafkajs says of it before it tries again is not printed. */
export function openKafka(broker: string | undefined): Kafka {
  return new Kafka({ brokers: [String(broker)], clientId: 'bench', logLevel: logLevel.NOTHING })
}

export function newMessage(topic: string): Message {
  const { headers, body } = sealWithType(topic)
  return { value: body, headers }
}

export function newMessages(topic: string, count: number): Message[] {
  return Array.from({ length: count }, () => newMessage(topic))
}
