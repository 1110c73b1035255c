import { type Clock, setSharedTimer, type Timer } from '@comm/core'
import { RequestBody } from './request-body.ts'
import { type InboundRequest, refused } from './request-head.ts'

export interface WholeBodyParts {
  readonly request: InboundRequest
  readonly clock: Clock
  readonly beforeFirst: (() => void) | undefined
  /** More is an error. */
  readonly tooMuch: { readonly bytes: number; readonly error: () => Error }
  /** The longest silence of the client. */
  readonly idleMs: number
  /** Ends it. */
  readonly signal: AbortSignal
}

/** The body of a request, read whole. @returns rejects with 408 for a client that stops, with the signal's reason, and with what is too much */
export function readWhole(parts: WholeBodyParts): { readonly body: RequestBody; readonly whole: Promise<Buffer> } {
  const { request, clock, beforeFirst, tooMuch, idleMs, signal } = parts
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const onTooLarge = (): void => reject(tooMuch.error())
  const body = new RequestBody(request, { replayBytes: 0, beforeFirst, maxBytes: tooMuch.bytes, onTooLarge })
  const chunks: Buffer[] = []
  let timer: Timer | undefined
  const wait = (): void => {
    timer?.cancel()
    if (idleMs === Number.POSITIVE_INFINITY) return
    timer = setSharedTimer(clock, clock.now(), idleMs, () =>
      reject(refused(408, `the body of the request stopped for ${idleMs} ms`)),
    )
  }
  const gone = (): void => reject(signal.reason)
  signal.addEventListener('abort', gone, { once: true })
  const upload = body.open()
  upload.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    wait()
  })
  upload.on('end', () => resolve(Buffer.concat(chunks)))
  wait()
  upload.resume()
  const end = (): void => {
    timer?.cancel()
    signal.removeEventListener('abort', gone)
  }
  promise.then(end, end)
  return { body, whole: promise }
}
