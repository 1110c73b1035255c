import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { CommunicationError, ConnectionError } from '@comm/core'
import { tooLarge } from './transport-errors.ts'
import { displayUrl } from './url.ts'

/** What is asked for; the other codings below are understood when a server uses them all the same. */
export const ACCEPT_ENCODING = 'gzip, br'

interface Coding {
  readonly decode: (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>
  readonly stream: () => Transform
}

const GZIP: Coding = { decode: promisify(zlib.gunzip), stream: zlib.createGunzip }
/** Content codings of RFC 9110 8.4.1, with zstd of RFC 8878. */
const CODINGS: Readonly<Record<string, Coding>> = {
  gzip: GZIP,
  'x-gzip': GZIP,
  deflate: { decode: promisify(zlib.inflate), stream: zlib.createInflate },
  br: { decode: promisify(zlib.brotliDecompress), stream: zlib.createBrotliDecompress },
  zstd: { decode: promisify(zlib.zstdDecompress), stream: zlib.createZstdDecompress },
}

interface Answered {
  readonly method: string
  readonly url: URL
  readonly maxBytes: number
}

/** Case means nothing in the names of codings (RFC 9110 8.4.1). */
function codingOf(contentEncoding: string | undefined): Coding | undefined {
  if (contentEncoding === undefined) return undefined
  const name = contentEncoding.toLowerCase()
  return Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined
}

/** True when `decodeBytes` and `decodeStream` undo this Content-Encoding; others are left as they are. */
export function isDecodable(contentEncoding: string | undefined): boolean {
  return codingOf(contentEncoding) !== undefined
}

/** Undoes the content coding, and stops as soon as more than `maxBytes` come out: a small answer may unpack to gigabytes. */
export async function decodeBytes(
  bytes: Uint8Array,
  contentEncoding: string | undefined,
  request: Answered,
): Promise<Uint8Array> {
  const coding = codingOf(contentEncoding)
  if (coding === undefined || bytes.byteLength === 0) return bytes
  try {
    return await coding.decode(bytes, { maxOutputLength: Math.min(request.maxBytes, LARGEST_BUFFER) })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(request)
    throw undecodable(thrown as Error, contentEncoding, request)
  }
}

/** The same for a stream. Destroying the result destroys its source. */
export function decodeStream(source: Readable, contentEncoding: string | undefined, request: Answered): Readable {
  const coding = codingOf(contentEncoding)
  if (coding === undefined) return source
  let decodedBytes = 0
  const decoder = coding.stream()
  const limited = new Transform({
    transform(chunk: Uint8Array, _encoding, done: TransformCallback): void {
      decodedBytes += chunk.byteLength
      if (decodedBytes > request.maxBytes) done(tooLarge(request))
      else done(null, chunk)
    },
  })
  decoder.once('error', (thrown) =>
    limited.destroy(thrown instanceof CommunicationError ? thrown : undecodable(thrown, contentEncoding, request)),
  )
  source.once('error', (thrown) => limited.destroy(thrown))
  pipeline(source, decoder, limited, () => undefined)
  return limited
}

const LARGEST_BUFFER = 2 ** 32

function undecodable(cause: Error, contentEncoding: string | undefined, { method, url }: Answered): ConnectionError {
  return new ConnectionError(
    `${method} ${displayUrl(url)} was answered with a body that is not ${contentEncoding}: ${cause.message}`,
    {
      cause,
      retryable: false,
      details: { method, url: displayUrl(url), sent: 'maybe' },
    },
  )
}
