/** How a connection of amqplib reads. */
export interface ReadingConnection {
  readonly stream: { read(): Buffer | null }
  /** Read, and not yet taken for frames. */
  rest: Buffer
  /** Whether the server lives, for the heartbeat. */
  recvSinceLastCheck: boolean
  /** The next frame, decoded; false until there is a whole one. */
  recvFrame(): unknown
}

const METHOD = 1
/** Class 60, method 80. */
const BASIC_ACK = 0x3c0050
const END = 0xce
/** Type, channel, length, class and method, delivery tag, flags, end. */
const CONFIRM_BYTES = 21

const CHANNEL_AT = 1
const METHOD_AT = 7
const TAG_AT = 11
const FLAGS_AT = 19
const MULTIPLE = 1
const TWO_TO_32 = 2 ** 32
const NOTHING = Buffer.alloc(0)

/**
 * Reads RabbitMQ's confirms from what the socket has brought; amqplib copies that first, and cuts four buffers for each frame. Everything else
 * is left to amqplib, and so is what follows from a confirm.
 */
export function readConfirms(connection: ReadingConnection): void {
  const readOther = connection.recvFrame.bind(connection)
  connection.recvFrame = () => {
    if (connection.rest.length === 0) {
      const read = connection.stream.read()
      if (read === null) return false
      connection.recvSinceLastCheck = true
      connection.rest = read
    }
    const { rest } = connection
    if (!beginsWithConfirm(rest)) return readOther()
    connection.rest = rest.length === CONFIRM_BYTES ? NOTHING : rest.subarray(CONFIRM_BYTES)
    const deliveryTag = rest.readUInt32BE(TAG_AT) * TWO_TO_32 + rest.readUInt32BE(TAG_AT + 4)
    return {
      id: BASIC_ACK,
      channel: rest.readUInt16BE(CHANNEL_AT),
      fields: { deliveryTag, multiple: ((rest[FLAGS_AT] as number) & MULTIPLE) !== 0 },
    }
  }
}

function beginsWithConfirm(bytes: Buffer): boolean {
  if (bytes.length < CONFIRM_BYTES || bytes[0] !== METHOD || bytes[CONFIRM_BYTES - 1] !== END) return false
  return bytes.readUInt32BE(METHOD_AT) === BASIC_ACK
}
