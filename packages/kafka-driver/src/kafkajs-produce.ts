import type { Kafka } from 'kafkajs'
import { meetClusters } from './kafkajs-clusters.ts'
import { type Call, changeRequests, type MakeCall } from './kafkajs-requests.ts'
import { encodeProduce, PRODUCE_VERSION, type ProduceRequest } from './wire/produce-request.ts'

const PRODUCE = 0

interface ProduceInput extends ProduceRequest {
  readonly transactionalId?: string | undefined
  /** 0: none */
  readonly compression?: number | undefined
}

/**
 * Lets what the producers of this client send be written by us where we can; else kafkajs goes on as it does without us. It takes
 * memory of its own for each header, record, batch and partition, which costs more than all else that it does with a record.
 */
export function writeProduces(kafka: Kafka): void {
  meetClusters(kafka, (cluster) => changeRequests(cluster, PRODUCE, written))
}

function written(make: MakeCall): MakeCall {
  let response: Call['response'] | undefined
  return (given) => {
    const input = given as ProduceInput
    if (response === undefined || !isPlain(input)) {
      const call = make(input)
      if (call.request.apiVersion === PRODUCE_VERSION) response = call.response
      if (response === undefined || !isPlain(input)) return call
    }
    return { request: requestOf(input), response }
  }
}

function isPlain({ transactionalId, compression = 0 }: ProduceInput): boolean {
  return transactionalId === undefined && compression === 0
}

/** As kafkajs describes one to itself. */
function requestOf(input: ProduceInput): Call['request'] {
  const request = {
    apiKey: PRODUCE,
    apiVersion: PRODUCE_VERSION,
    apiName: 'Produce',
    expectResponse: () => input.acks !== 0,
    encode: async () => {
      const buffer = encodeProduce(input, Date.now())
      return { buf: buffer, buffer }
    },
  }
  return request
}
