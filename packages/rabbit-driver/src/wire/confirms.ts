import { type OnReadOpts, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** How a connection of amqplib reads. */
export interface ReadingConnection {
  readonly stream: Duplex
  /** Read, and not yet taken for frames. */
  readonly rest: Buffer
  /** Whether the server lives, for the heartbeat. */
  recvSinceLastCheck: boolean
  accept(frame: unknown): void
  emit(event: 'frameError', thrown: unknown): unknown
}

/** As much as a socket reads at once by itself. */
const MEMORY_BYTES = 64 * 1024

const METHOD = 1
/** Class 60, method 80. */
const BASIC_ACK = 0x3c0050
const END = 0xce
/** Type, channel, length, class and method, delivery tag, flags, end. */
const CONFIRM_BYTES = 21
const PAYLOAD_BYTES = 13

const CHANNEL_AT = 1
const SIZE_AT = 3
const METHOD_AT = 7
const TAG_AT = 11
const FLAGS_AT = 19
const MULTIPLE = 1
const TWO_TO_32 = 2 ** 32

/** By their sockets. */
const connections = new WeakMap<Duplex, ReadingConnection>()

/**
 * Options of a socket for amqplib: it reads into memory that is used again, and confirms are taken from there. All else becomes what its stream
 * brings, for amqplib. A socket by itself makes 64 KiB for each read, and its stream takes another turn to hand them on.
 */
export function readIntoMemory(): { readonly onread: OnReadOpts } {
  return { onread: { buffer: Buffer.allocUnsafeSlow(MEMORY_BYTES), callback: take } }
}

/** From now on, confirms that come over its socket are read here; what follows from one is left to amqplib. */
export function readConfirms(connection: ReadingConnection): void {
  connections.set(connection.stream, connection)
}

/**
 * @param this Node calls it as a method of the socket
 * @returns whether the socket may bring more
 */
function take(this: unknown, length: number, memory: Uint8Array): boolean {
  if (!(this instanceof Socket)) throw new Error('this Node does not tell which socket has read')
  const connection = connections.get(this)
  const taken = connection === undefined ? 0 : takeConfirms(connection, memory as Buffer, length)
  return taken === length || this.push(Buffer.from(memory.subarray(taken, length)))
}

/** @returns how many bytes they took */
function takeConfirms(connection: ReadingConnection, memory: Buffer, length: number): number {
  // What came before them goes before them.
  if (connection.rest.length > 0 || connection.stream.readableLength > 0) return 0
  let at = 0
  try {
    while (isConfirm(memory, at, length)) {
      const confirm = confirmAt(memory, at)
      at += CONFIRM_BYTES
      connection.recvSinceLastCheck = true
      connection.accept(confirm)
    }
  } catch (thrown) {
    // When amqplib would: a listener may throw, and the rest is still to be handed on.
    process.nextTick(() => connection.emit('frameError', thrown))
  }
  return at
}

function isConfirm(memory: Buffer, at: number, length: number): boolean {
  if (length - at < CONFIRM_BYTES || memory[at] !== METHOD || memory[at + CONFIRM_BYTES - 1] !== END) return false
  return memory.readUInt32BE(at + SIZE_AT) === PAYLOAD_BYTES && memory.readUInt32BE(at + METHOD_AT) === BASIC_ACK
}

/** As amqplib decodes it. */
function confirmAt(memory: Buffer, at: number): unknown {
  const deliveryTag = memory.readUInt32BE(at + TAG_AT) * TWO_TO_32 + memory.readUInt32BE(at + TAG_AT + 4)
  const multiple = ((memory[at + FLAGS_AT] as number) & MULTIPLE) !== 0
  return { id: BASIC_ACK, channel: memory.readUInt16BE(at + CHANNEL_AT), fields: { deliveryTag, multiple } }
}
