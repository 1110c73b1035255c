/** Smaller ones are not worth the call. */
const LEAST_BYTES = 16 * 1024

/**
 * Whether the memory of a chunk, as a connection of HTTP/1 read it, is for this chunk alone: it is no piece of Node's pool for small
 * buffers, and nothing behind it waits to be read.
 */
export function ownsMemory({ buffer, byteOffset, byteLength }: Buffer): boolean {
  return byteLength >= LEAST_BYTES && byteLength >= Buffer.poolSize >>> 1 && byteOffset + byteLength === buffer.byteLength
}

/**
 * Frees the memory of a chunk that has been sent on. V8 collects its whole heap after each 64 MB or so of buffers: at full speed that is
 * ten times a second, and takes a third of a proxy's processor time. Only for chunks that own their memory, that nobody else has been
 * given, and whose write has ended.
 */
export function giveBack(chunk: Buffer): void {
  ;(chunk.buffer as ArrayBuffer).transfer(0)
}
