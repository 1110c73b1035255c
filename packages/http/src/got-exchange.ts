import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '@comm/core'
import type { OptionsInit, Request } from 'got'
import { AnswerReceiver, type Wire } from './answer-receiver.ts'
import type { PhaseTimer } from './phase-timer.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'
import { transportError } from './transport-errors.ts'

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
    const stream = start(streamRequest, request, ended)
    const wire: Wire = {
      pause: () => void stream.pause(),
      resume: () => void stream.resume(),
      end: (isRead) => {
        if (!isRead) stream.destroy()
      },
    }
    const receiver = new AnswerReceiver({ request, signal, clock, wire, resolve, reject, ended })
    let isReused = false
    stream.on('error', (error: Error) => {
      receiver.fail(transportError(error, request, receiver.timer.sent, isReused && !receiver.isAnswered))
    })
    stream.once('request', (sending: ClientRequest) =>
      watchSending(sending, request.url.protocol === 'https:', receiver.timer, () => (isReused = true)),
    )
    stream.once('response', ({ statusCode = 0, headers }: IncomingMessage) => {
      receiver.head(statusCode, headers)
      stream.on('data', (chunk: Uint8Array) => receiver.data(chunk))
      stream.once('end', () => receiver.end())
    })
    if (request.body === undefined) stream.end()
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
