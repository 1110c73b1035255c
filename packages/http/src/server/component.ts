import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Component, ConnectionError, type Health } from '@comm/core'
import { checkOptions, nonEmptyText, number, required, withDefaults } from '@comm/core/options'
import { OpenResponses } from './open-responses.ts'

export interface HttpServerComponentOptions {
  /** 0: any free port. */
  readonly port: number
  /** @default every address of the machine */
  readonly host?: string
  /** @default 'http server' */
  readonly name?: string
}

export interface HttpServerComponent extends Required<Omit<Component, 'flush'>> {
  /** Where it listens, by a name that works on this machine. @throws ConnectionError unless it listens */
  readonly url: string
  /** Requests that came in and are not answered yet. */
  readonly inFlight: number
}

/**
 * A server of `node:http` or `node:https` as a part of a Lifecycle. Stopping: no new connections, idle ones closed, every
 * request that has arrived is answered, the last one of its connection with `Connection: close`; what is still open at the end is cut.
 */
export function httpServerComponent(server: Server, options: HttpServerComponentOptions): HttpServerComponent {
  checkOptions<HttpServerComponentOptions>('httpServerComponent', options, {
    port: required(number({ min: 0, max: 65_535, integer: true })),
    host: nonEmptyText,
    name: nonEmptyText,
  })
  const { name, port, host } = withDefaults<HttpServerComponentOptions, 'name'>({ name: 'http server' }, options)
  const open = new OpenResponses()
  const waiting = new Set<() => void>()
  /** The last response of each connection, while stopping. */
  const last = new WeakMap<Socket, ServerResponse>()
  let stopping = false
  let willCloseIdle = false
  let closed: Promise<void> | undefined

  /** One listener for all responses. */
  function isDone(this: ServerResponse): void {
    open.delete(this)
    if (stopping) closeIdleSoon()
    if (open.size === 0) for (const resolve of waiting) resolve()
  }

  /** Once what has arrived on it is read: a request there is accepted. */
  function closeIdleSoon(): void {
    if (willCloseIdle) return
    willCloseIdle = true
    setImmediate(() => {
      willCloseIdle = false
      server.closeIdleConnections()
    })
  }

  /** Node would leave requests that wait behind this one (RFC 9112 9.3.2) without an answer, so only the last one says it. */
  function endsConnection(response: ServerResponse): void {
    const { httpVersionMajor, socket } = response.req
    if (httpVersionMajor > 1) return
    const before = last.get(socket)
    last.set(socket, response)
    if (before?.headersSent === false) before.setHeader('connection', 'keep-alive')
    if (!response.headersSent) response.setHeader('connection', 'close')
  }

  const opened = (_request: IncomingMessage, response: ServerResponse): void => {
    open.add(response)
    if (stopping) endsConnection(response)
    response.on('close', isDone)
  }
  server.prependListener('request', opened)
  // Node tells of requests that expect 100-continue by an event of its own, where somebody listens to it.
  if (server.listenerCount('checkContinue') > 0) server.prependListener('checkContinue', opened)

  const stopListening = (): Promise<void> => {
    closed ??= new Promise((resolve) => server.close(() => resolve()))
    return closed
  }

  return {
    name,
    get url() {
      return urlOf(server, name, host)
    },
    get inFlight() {
      return open.size
    },
    start: (signal) => (server.listening ? Promise.resolve() : listen(server, name, port, host, signal)),
    async stopIntake(): Promise<void> {
      stopping = true
      for (const response of [...open].reverse()) endsConnection(response)
      // Requests that have arrived are read until then.
      await new Promise((resolve) => setImmediate(resolve))
      void stopListening()
      server.closeIdleConnections()
    },
    drain: (signal) =>
      new Promise((resolve, reject) => {
        if (open.size === 0) return resolve()
        const end = (settle: () => void): void => {
          waiting.delete(done)
          signal.removeEventListener('abort', abort)
          settle()
        }
        const done = (): void => end(resolve)
        const abort = (): void => end(() => reject(signal.reason))
        waiting.add(done)
        signal.addEventListener('abort', abort, { once: true })
        if (signal.aborted) abort()
      }),
    async close(): Promise<void> {
      stopping = true
      const done = stopListening()
      server.closeAllConnections()
      await done
    },
    health: (): Health => (server.listening ? { status: 'up' } : { status: 'down', reason: 'not listening' }),
  }
}

function listen(server: Server, name: string, port: number, host: string | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      server.off('error', failed)
      server.off('listening', listening)
      signal.removeEventListener('abort', abort)
      settle()
    }
    const listening = (): void => end(resolve)
    const abort = (): void =>
      end(() => {
        server.close()
        reject(signal.reason)
      })
    const failed = (cause: NodeJS.ErrnoException): void =>
      end(() => {
        const where = `${host ?? '*'}:${port}`
        const remedy = cause.code === 'EADDRINUSE' ? '; stop what uses the port, or choose another' : ''
        reject(
          new ConnectionError(`${name} could not listen on ${where}: ${cause.message}${remedy}`, {
            cause,
            retryable: false,
            details: { port, host, system: cause.code },
          }),
        )
      })
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    server.once('error', failed)
    server.once('listening', listening)
    server.listen({ port, ...(host === undefined ? {} : { host }) })
  })
}

function urlOf(server: Server, name: string, host: string | undefined): string {
  const address = server.address()
  if (address === null || typeof address === 'string')
    throw new ConnectionError(`${name} has no URL: it does not listen on a port`)
  const { port } = address satisfies AddressInfo
  const reachable = host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${'setSecureContext' in server ? 'https' : 'http'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
