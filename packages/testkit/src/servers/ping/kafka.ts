import type { Ping } from '../process/wait-until-ready.ts'
import { exchange } from './exchange.ts'

const METADATA = 3
const METADATA_VERSION = 4
const CORRELATION_ID = 1
const CLIENT = Buffer.from('ping')

/**
 * A Metadata request (version 4) for no topics: the answer lists the brokers once the broker is registered and unfenced, which is
 * later than the port's opening. Kafka does not tell its version.
 */
export const kafkaPing: Ping = (endpoint, signal) =>
  exchange(
    endpoint,
    metadataRequest(),
    (answer) => {
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return undefined
      // Size, correlation id and throttle time come before the array of brokers.
      if (answer.readInt32BE(12) === 0) throw new Error('the broker has not registered yet')
      return 'unknown'
    },
    signal,
  )

function metadataRequest(): Buffer {
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + CLIENT.length + 4 + 1)
  let at = request.writeInt32BE(request.length - 4, 0)
  at = request.writeInt16BE(METADATA, at)
  at = request.writeInt16BE(METADATA_VERSION, at)
  at = request.writeInt32BE(CORRELATION_ID, at)
  at = request.writeInt16BE(CLIENT.length, at)
  at += CLIENT.copy(request, at)
  at = request.writeInt32BE(0, at)
  request.writeUInt8(0, at)
  return request
}
