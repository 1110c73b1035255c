import type { Ping } from '../process/wait-until-ready.ts'
import { exchange } from './exchange.ts'

const PROTOCOL_HEADER = Buffer.from([...Buffer.from('AMQP'), 0, 0, 9, 1])
/** The octet that ends a frame, and the one before a long string in a field table (AMQP 0-9-1, 4.2.3 and 4.2.5.5). */
const FRAME_END = 0xce
const LONG_STRING = 'S'.charCodeAt(0)
const VERSION_FIELD = Buffer.from('\x07version')

/** Complete when the whole Connection.Start has come: the server's properties in it hold its version. */
export const rabbitmqPing: Ping = (endpoint, signal) =>
  exchange(
    endpoint,
    PROTOCOL_HEADER,
    (answer) => {
      if (answer.at(-1) !== FRAME_END) return undefined
      const field = answer.indexOf(VERSION_FIELD)
      const at = field + VERSION_FIELD.length
      if (field < 0 || answer[at] !== LONG_STRING) return 'unknown'
      return answer.toString('utf8', at + 5, at + 5 + answer.readUInt32BE(at + 1))
    },
    signal,
  )
