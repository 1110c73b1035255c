import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Cancellation, Clock } from '@comm/core'
import type { OptionsInit, Request } from 'got'
import { AnswerReceiver, type Wire } from './answer-receiver.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'
import { transportError } from './transport-errors.ts'

/** got in streaming mode: the only way it has to stop reading at a size. */
export type StreamRequest = (url: URL, options: OptionsInit) => Request

/** What got sees to the end of by itself when there is no body. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD'])
/** got writes a longer body in pieces of this. */
const PIECE_BYTES = 64 * 1024

export interface GotExchangeParts {
  readonly request: TransportRequest
  readonly cancellation: Cancellation | undefined
  readonly clock: Clock
  /** Called once, when neither a timer nor a listener of the exchange is left. */
  readonly ended: () => void
  /** In place of the transport's own. */
  readonly agents: OptionsInit['agent']
}

/** One exchange over got. */
export function exchange(streamRequest: StreamRequest, parts: GotExchangeParts): Promise<TransportResponse> {
  const { request, ended } = parts
  return new Promise((resolve, reject) => {
    let isReused = false
    const onSending = (sending: ClientRequest): void =>
      watchSending(sending, request.url.protocol === 'https:', receiver, () => (isReused = true))
    const stream = start(streamRequest, parts, onSending)
    const wire: Wire = {
      pause: () => void stream.pause(),
      resume: () => void stream.resume(),
      end: (isRead) => {
        if (!isRead) stream.destroy()
      },
    }
    const receiver = new AnswerReceiver({ ...parts, resolve, reject, ended }, wire)
    stream.on('error', (error: Error) => {
      receiver.fail(transportError(error, request, receiver.timer.sent, isReused && !receiver.isAnswered))
    })
    stream.once('response', ({ statusCode = 0, headers }: IncomingMessage) => {
      receiver.head(statusCode, headers)
      stream.on('data', (chunk: Uint8Array) => receiver.data(chunk))
      stream.once('end', () => receiver.end())
    })
    if (isWrittenHere(request)) stream.end(request.body)
    // By who made the body, before anything here listened.
    if (parts.cancellation?.aborted) receiver.handleEvent()
  })
}

function start(streamRequest: StreamRequest, parts: GotExchangeParts, onSending: (sending: ClientRequest) => void): Request {
  try {
    return streamRequest(parts.request.url, new GotOptions(parts, onSending) as OptionsInit)
  } catch (error) {
    parts.ended()
    throw error
  }
}

/** Not given to got as an option, which makes a copy of all the memory that a body of bytes is a part of (Node's pool of small buffers). */
function isWrittenHere({ method, body }: TransportRequest): boolean {
  return !WITHOUT_BODY.has(method) && (body === undefined || (body instanceof Uint8Array && body.byteLength <= PIECE_BYTES))
}

function watchSending(sending: ClientRequest, secure: boolean, receiver: AnswerReceiver, onReused: () => void): void {
  const { timer } = receiver
  const connected = (): void => {
    if (!receiver.isOver) timer.enter(sending.writableFinished ? 'read' : 'write')
  }
  const onSocket = (socket: Socket): void => {
    if (sending.reusedSocket) onReused()
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', connected)
    else connected()
  }
  if (sending.socket) onSocket(sending.socket)
  else sending.once('socket', onSocket)
  sending.once('finish', () => {
    if (!receiver.isOver && timer.sent === 'maybe') timer.enter('read')
  })
}

/**
 * What got is told of one exchange. It is no plain object, because got copies those once more. The headers go past it: they have been checked
 * and are in lower case, and got would do both again, in six copies.
 */
class GotOptions {
  readonly method: string
  readonly body: OptionsInit['body']
  readonly allowGetBody: boolean
  readonly request: (url: URL, options: RequestOptions) => ClientRequest
  readonly agent: OptionsInit['agent']
  readonly https: OptionsInit['https']

  constructor({ request, agents }: GotExchangeParts, onSending: (sending: ClientRequest) => void) {
    const { method, body, tls } = request
    this.method = method
    this.body = isWrittenHere(request) ? undefined : typeof body === 'function' ? body() : body
    this.allowGetBody = body !== undefined
    this.request = (url, options) => {
      options.headers = sentHeaders(request)
      const sending = (url.protocol === 'https:' ? https : http).request(url, options)
      onSending(sending)
      return sending
    }
    this.agent = agents
    this.https = tls === undefined ? undefined : httpsOptions(tls)
  }
}

function sentHeaders({ headers, body, bodyBytes }: TransportRequest): TransportRequest['headers'] {
  const length = body instanceof Uint8Array ? body.byteLength : bodyBytes
  return length === undefined ? headers : { ...headers, 'content-length': String(length) }
}

function httpsOptions(tls: NonNullable<TransportRequest['tls']>): OptionsInit['https'] {
  return {
    ...(tls.ca === undefined ? {} : { certificateAuthority: tls.ca as string }),
    ...(tls.cert === undefined ? {} : { certificate: tls.cert as string }),
    ...(tls.key === undefined ? {} : { key: tls.key as string }),
    ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    ...(tls.servername === undefined ? {} : { serverName: tls.servername }),
  }
}
