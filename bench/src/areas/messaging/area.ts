import type { Area, Contender, Limit, Work } from '@comm/bench/area'
import { prepare } from './prepare.ts'
import { IN_FLIGHT, type Role } from './role.ts'

const RABBIT = '@comm/messaging-rabbit'
const KAFKA = '@comm/messaging-kafka'
const STREAMS = '@comm/messaging-redis'
const PUBSUB = '@comm/messaging-redis'

/** Rows by their names, each with its module in `contenders/`. */
type Rows = Readonly<Record<string, string>>

const RABBIT_ROWS: Rows = {
  amqplib: 'amqplib',
  [RABBIT]: 'comm-rabbit',
  rascal: 'rascal',
  'rabbitmq-client': 'rabbitmq-client',
  '@nestjs/microservices': 'nestjs-rabbit',
}
const STREAMS_ROWS: Rows = { redis: 'redis-streams', [STREAMS]: 'comm-streams', ioredis: 'ioredis-streams' }
const PUBSUB_ROWS: Rows = {
  redis: 'redis-pubsub',
  [PUBSUB]: 'comm-pubsub',
  ioredis: 'ioredis-pubsub',
  '@nestjs/microservices': 'nestjs-pubsub',
}
const KAFKA_ROWS: Rows = { kafkajs: 'kafkajs', [KAFKA]: 'comm-kafka', '@platformatic/kafka': 'platformatic-kafka' }
const KAFKA_NEST: Rows = { '@nestjs/microservices': 'nestjs-kafka' }
const KAFKA_CONSUMERS: Rows = {
  'kafkajs eachBatch': 'kafkajs',
  'kafkajs eachMessage': 'kafkajs-each-message',
  [KAFKA]: 'comm-kafka',
  '@platformatic/kafka': 'platformatic-kafka',
  ...KAFKA_NEST,
}
function work(name: string, broker: Role['broker'], does: Role['does'], rows: Rows, more: Omit<Partial<Work>, 'name'>): Work {
  const contenders = Object.entries(rows).map(([contender, module]): Contender => {
    const topic = `${name} ${module}`.replaceAll(/[^\w]+/g, '-')
    const role: Role = { broker, does, topic, isBatch: name.endsWith('batches'), isNest: module === 'nestjs-rabbit' }
    return { name: contender, module: import.meta.resolve(`./contenders/${module}.ts`), parameters: { ...role } }
  })
  return { name, contenders, baseline: Object.keys(rows)[0] as string, inFlight: IN_FLIGHT, ...more }
}

function ahead(contender: string, peers: readonly string[]): readonly Limit[] {
  return peers.map((timesOf) => ({ contender, atMost: 1, timesOf }))
}

/** How a contender was compiled differs from process to process by as much as contenders do, where an operation goes a long way. */
const PROCESSES = 4

/** Each operation costs little beside the waiting, so there are more of them in a round, and more until all of their way is compiled. */
const ONE_AT_A_TIME = { processes: PROCESSES, warmUpMs: 4000, inFlight: 1, warmUpInFlight: IN_FLIGHT, roundMs: 500 }

const RABBIT_PEERS = ahead(RABBIT, ['rascal', 'rabbitmq-client', '@nestjs/microservices'])
const RABBIT_PUBLISH: readonly Limit[] = [
  { contender: RABBIT, atMost: 1.15, timesOf: 'amqplib' },
  { contender: RABBIT, atLeast: 0.95, rateOf: 'amqplib' },
  ...RABBIT_PEERS,
]
const KAFKA_PEERS = ahead(KAFKA, ['@nestjs/microservices'])
const STREAMS_LIMITS: readonly Limit[] = [{ contender: STREAMS, atMost: 1.1, timesOf: 'redis' }]

/** Messages of 200 bytes of JSON over real servers: published and confirmed, consumed and acknowledged. */
export const area: Area = {
  name: 'messaging',
  packages: ['messaging', 'messaging-kafka', 'messaging-rabbit', 'messaging-redis'],
  prepare,
  works: [
    work('rabbit publish c=1', 'rabbit', 'publish', RABBIT_ROWS, { ...ONE_AT_A_TIME, limits: RABBIT_PUBLISH }),
    work('rabbit publish c=100', 'rabbit', 'publish', RABBIT_ROWS, { limits: RABBIT_PUBLISH }),
    work('rabbit consume', 'rabbit', 'consume', RABBIT_ROWS, {
      limits: [{ contender: RABBIT, atMost: 1.25, timesOf: 'amqplib' }, ...RABBIT_PEERS],
    }),
    work('streams publish c=100', 'streams', 'publish', STREAMS_ROWS, { limits: STREAMS_LIMITS }),
    work('streams consume', 'streams', 'consume', STREAMS_ROWS, { limits: STREAMS_LIMITS }),
    work('pubsub', 'pubsub', 'both', PUBSUB_ROWS, {
      processes: PROCESSES,
      warmUpMs: 2000,
      limits: [{ contender: PUBSUB, atMost: 1.4, timesOf: 'redis' }, ...ahead(PUBSUB, ['@nestjs/microservices'])],
    }),
    work('kafka publish c=1', 'kafka', 'publish', { ...KAFKA_ROWS, ...KAFKA_NEST }, { ...ONE_AT_A_TIME, limits: KAFKA_PEERS }),
    work(
      'kafka publish c=100',
      'kafka',
      'publish',
      { ...KAFKA_ROWS, ...KAFKA_NEST },
      {
        limits: [
          { contender: KAFKA, atMost: 0.35, timesOf: 'kafkajs' },
          { contender: KAFKA, atLeast: 3, rateOf: 'kafkajs' },
          ...KAFKA_PEERS,
        ],
      },
    ),
    work('kafka publish batches', 'kafka', 'publish', KAFKA_ROWS, {
      limits: [{ contender: KAFKA, atMost: 1.25, timesOf: 'kafkajs' }],
    }),
    work('kafka consume', 'kafka', 'consume', KAFKA_CONSUMERS, {
      // To join a group takes as long as thousands of messages.
      roundMs: 1200,
      limits: [
        { contender: KAFKA, atMost: 1.5, timesOf: 'kafkajs eachBatch' },
        { contender: KAFKA, atMost: 0.8, timesOf: 'kafkajs eachMessage' },
        ...KAFKA_PEERS,
      ],
    }),
  ],
}
