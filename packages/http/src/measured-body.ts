import { Readable } from 'node:stream'
import { CommunicationError, notify } from '@comm/core'
import type { TransferProgress, TransportBody } from './transport.ts'

export interface Measuring {
  /** Known length of a stream. */
  readonly bodyBytes: number | undefined
  readonly onUploadProgress: ((progress: TransferProgress) => void) | undefined
}

const PIECE_BYTES = 64 * 1024

/** A body that is counted on its way: progress is told, and a stream that is shorter or longer than was said is an error. */
export function measuredBody(
  body: TransportBody,
  { bodyBytes, onUploadProgress }: Measuring,
): { readonly body: Readable; readonly bodyBytes?: number } {
  const totalBytes = body instanceof Uint8Array ? body.byteLength : bodyBytes
  const source = typeof body === 'function' ? body() : body
  const pieces = source instanceof Uint8Array ? piecesOf(source) : source
  const measured = Readable.from(measure(pieces, totalBytes, onUploadProgress), { objectMode: false, highWaterMark: PIECE_BYTES })
  return { body: measured, ...(totalBytes === undefined ? {} : { bodyBytes: totalBytes }) }
}

function* piecesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

async function* measure(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array | string>,
  totalBytes: number | undefined,
  onUploadProgress: Measuring['onUploadProgress'],
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  notify('onUploadProgress', onUploadProgress, { bytes, totalBytes })
  for await (const piece of pieces) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece
    bytes += chunk.byteLength
    if (totalBytes !== undefined && bytes > totalBytes) throw otherLength(`more than ${totalBytes} bytes`, totalBytes)
    yield chunk
    notify('onUploadProgress', onUploadProgress, { bytes, totalBytes })
  }
  if (totalBytes !== undefined && bytes < totalBytes) throw otherLength(`${bytes} bytes`, totalBytes)
}

function otherLength(received: string, bodyBytes: number): CommunicationError {
  return new CommunicationError(`the body of a request was to have ${bodyBytes} bytes (bodyBytes), and has ${received}`, {
    code: 'COMM_VALIDATION',
    details: { bodyBytes },
  })
}
