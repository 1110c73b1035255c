import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { types } from 'node:util'
import type { Clock } from '@comm/core'
import type { OptionsInit, Request } from 'got'
import { PhaseTimer } from './phase-timer.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'
import { tooLarge, transportError } from './transport-errors.ts'

/** got in streaming mode: the only way it has to stop reading at a size. */
export type StreamRequest = (url: URL, options: OptionsInit) => Request

/**
 * One exchange over got.
 * @param ended called once, when neither a timer nor a listener of the exchange is left
 */
export function exchange(
  streamRequest: StreamRequest,
  request: TransportRequest,
  signal: AbortSignal | undefined,
  clock: Clock,
  ended: () => void,
): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    let over = false
    /** The connection had served before, and nothing of an answer has come over it. */
    let reused = false
    let receivedBytes = 0
    let body: Readable | undefined
    const stream = start(streamRequest, request, ended)
    const timer = new PhaseTimer(clock, request, fail)
    const abort = (): void => fail(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    stream.on('error', (error: Error) => fail(transportError(error, request, timer.sent, reused)))
    stream.once('request', (sending: ClientRequest) =>
      watchSending(sending, request.url.protocol === 'https:', timer, () => (reused = true)),
    )
    stream.once('response', (response: IncomingMessage) => {
      reused = false
      timer.enter('read')
      timer.progress()
      if (Number(response.headers['content-length']) > request.maxBytes && request.method !== 'HEAD')
        return fail(tooLarge(request))
      if (request.collect === 'bytes') collect(response)
      else handOver(response)
    })
    if (request.body === undefined) stream.end()

    function collect({ statusCode = 0, headers }: IncomingMessage): void {
      const chunks: Uint8Array[] = []
      receive((chunk) => {
        chunks.push(chunk)
      })
      stream.once('end', () => {
        if (finish()) resolve({ status: statusCode, headers, body: Buffer.concat(chunks, receivedBytes) })
      })
    }

    function handOver({ statusCode = 0, headers }: IncomingMessage): void {
      const readable = new Readable({
        read() {
          timer.progress()
          stream.resume()
        },
        destroy(error, done) {
          if (finish()) stream.destroy()
          done(error)
        },
      })
      body = readable
      stream.pause()
      timer.pause()
      receive((chunk) => {
        if (readable.push(chunk)) return
        stream.pause()
        timer.pause()
      })
      stream.once('end', () => {
        if (finish()) readable.push(null)
      })
      resolve({ status: statusCode, headers, body: readable })
    }

    function receive(take: (chunk: Uint8Array) => void): void {
      stream.on('data', (chunk: Uint8Array) => {
        if (over) return
        receivedBytes += chunk.byteLength
        if (receivedBytes > request.maxBytes) return fail(tooLarge(request))
        timer.progress()
        take(chunk)
      })
    }

    /** False when the exchange was over before. */
    function finish(): boolean {
      if (over) return false
      over = true
      timer.stop()
      signal?.removeEventListener('abort', abort)
      ended()
      return true
    }

    function fail(error: unknown): void {
      if (!finish()) return
      stream.destroy()
      if (body === undefined) reject(error)
      else body.destroy(types.isNativeError(error) ? error : new Error('the call was aborted', { cause: error }))
    }
  })
}

function start(streamRequest: StreamRequest, request: TransportRequest, ended: () => void): Request {
  try {
    return streamRequest(request.url, gotOptions(request))
  } catch (error) {
    ended()
    throw error
  }
}

function watchSending(sending: ClientRequest, secure: boolean, timer: PhaseTimer, onReused: () => void): void {
  const connected = (): void => timer.enter(sending.writableFinished ? 'read' : 'write')
  const onSocket = (socket: Socket): void => {
    if (sending.reusedSocket) onReused()
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', connected)
    else connected()
  }
  if (sending.socket) onSocket(sending.socket)
  else sending.once('socket', onSocket)
  sending.once('finish', () => {
    if (timer.sent === 'maybe') timer.enter('read')
  })
}

function gotOptions({ method, headers, body, tls }: TransportRequest): OptionsInit {
  const options: OptionsInit = { method: method as NonNullable<OptionsInit['method']>, headers }
  if (body !== undefined) options.body = typeof body === 'function' ? body() : body
  if (tls !== undefined) {
    options.https = {
      ...(tls.ca === undefined ? {} : { certificateAuthority: tls.ca as string }),
      ...(tls.cert === undefined ? {} : { certificate: tls.cert as string }),
      ...(tls.key === undefined ? {} : { key: tls.key as string }),
      ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
      ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    }
  }
  return options
}
