import type { Readable } from 'node:stream'
import {
  AuthenticationError,
  AuthorizationError,
  CommunicationError,
  ConnectionError,
  HttpStatusError,
  redactCredentials,
  ServiceUnavailableError,
} from '@comm/core'
import { readTls, type TlsOptions } from '@comm/core/tls'
import { Agent, buildConnector, type Dispatcher } from 'undici'

export interface HttpApiOptions {
  /** `https://localhost:8501`; of several, the next is used when one does not answer. */
  readonly origins: readonly [string, ...string[]]
  /** For messages: `Consul at localhost:8501`. */
  readonly where: string
  /** The files are read again for each new connection. */
  readonly tls: TlsOptions | undefined
  /** Names the TLS options in messages. */
  readonly tlsName: string
  /** For every request: credentials. Asked before each. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>> | Readonly<Record<string, string>>
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With its query. */
  readonly path: string
  /** Of this request alone. */
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  readonly signal: AbortSignal
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Must be read, or destroyed. */
  readonly body: Readable
}

const CONNECT_LIMIT_MS = 5000
/** Of an answer that is no success. */
const MOST_WORDS = 300

/** A registry's HTTP API: connections that are kept, TLS, typed errors. Every request is made once. */
export class HttpApi {
  readonly where: string
  readonly #options: HttpApiOptions
  readonly #agent: Agent
  #failures = 0

  constructor(options: HttpApiOptions) {
    this.#options = options
    this.where = options.where
    // Time limits are the callers': the answer to a watch comes when it comes.
    this.#agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: connector(options) })
  }

  /**
   * Sends one request, and answers whatever the status is.
   * @throws ConnectionError when there is no answer; the signal's reason
   */
  async send({ method, path, json, signal, headers: more = {} }: ApiRequest): Promise<ApiAnswer> {
    signal.throwIfAborted()
    const { origins, headers = () => ({}) } = this.#options
    const origin = origins[this.#failures % origins.length] as string
    const own = await headers()
    try {
      const { statusCode, ...answer } = await this.#agent.request({
        origin,
        method,
        path,
        signal,
        headers: {
          accept: 'application/json',
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...own,
          ...more,
        },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      } satisfies Dispatcher.RequestOptions & { origin: string })
      return { status: statusCode, headers: answer.headers, body: answer.body }
    } catch (thrown) {
      this.#failures++
      throw signal.aborted ? signal.reason : this.failure(thrown, `${method} ${pathOnly(path)}`)
    }
  }

  /**
   * Sends one request and reads its answer as JSON; an empty one is undefined.
   * @param allowed statuses that are answers too, whose body is a text
   * @throws what `send` throws; AuthenticationError, AuthorizationError, ServiceUnavailableError, HttpStatusError for other statuses
   */
  async json<Value>(
    request: ApiRequest,
    allowed: readonly number[] = [],
  ): Promise<{ status: number; headers: ApiAnswer['headers']; value: Value }> {
    const { status, headers, body } = await this.send(request)
    const what = `${request.method} ${pathOnly(request.path)}`
    const text = await this.text(body, request.signal, what)
    if (status >= 300 && !allowed.includes(status)) throw this.refusal(what, status, text)
    if (status >= 300 || text === '') return { status, headers, value: text as Value }
    try {
      return { status, headers, value: JSON.parse(text) as Value }
    } catch (cause) {
      throw new ConnectionError(`${this.where} answered ${what} with something that is no JSON: ${words(text)}`, { cause })
    }
  }

  /** The whole of an answer. @throws ConnectionError when it breaks off; the signal's reason */
  async text(body: Readable, signal: AbortSignal, what: string): Promise<string> {
    try {
      let text = ''
      body.setEncoding('utf8')
      for await (const piece of body) text += piece
      return text
    } catch (thrown) {
      throw signal.aborted ? signal.reason : this.failure(thrown, what)
    }
  }

  /** The lines of an answer that goes on, each as soon as it is there, until the server ends it. @throws as `text` does */
  async *lines(body: Readable, signal: AbortSignal, what: string): AsyncGenerator<string, void> {
    let rest = ''
    try {
      body.setEncoding('utf8')
      for await (const piece of body) {
        const lines = `${rest}${piece}`.split('\n')
        rest = lines.pop() as string
        for (const line of lines) if (line.trim() !== '') yield line
      }
    } catch (thrown) {
      throw signal.aborted ? signal.reason : this.failure(thrown, what)
    } finally {
      body.destroy()
    }
    signal.throwIfAborted()
  }

  /** Why a request got no answer. */
  failure(thrown: unknown, what: string): CommunicationError {
    if (thrown instanceof CommunicationError) return thrown
    const { message } = CommunicationError.from(thrown)
    return new ConnectionError(`${this.where} did not answer ${what}: ${message}`, { cause: thrown })
  }

  /** What a status says that is no success. */
  refusal(what: string, status: number, text: string): CommunicationError {
    const message = `${this.where} answered ${what} with ${status}: ${words(text)}`
    const details = { status }
    if (status === 401) return new AuthenticationError(message, { details })
    if (status === 403) return new AuthorizationError(message, { details })
    if (status === 429 || status >= 500) return new ServiceUnavailableError(message, { details })
    return new HttpStatusError(message, { status, details })
  }

  /** Ends every connection. Idempotent. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

function connector({ tls, tlsName, where }: HttpApiOptions): buildConnector.connector {
  if (tls === undefined) return buildConnector({ timeout: CONNECT_LIMIT_MS })
  return (options, callback) => {
    readTls(tlsName, tls).then(
      (material) => buildConnector({ ...material, timeout: CONNECT_LIMIT_MS })(options, callback),
      (thrown: unknown) => callback(thrown instanceof Error ? thrown : new ConnectionError(`${where}: ${String(thrown)}`), null),
    )
  }
}

/** A query may have a token. */
function pathOnly(path: string): string {
  return path.split('?')[0] as string
}

function words(text: string): string {
  const said = redactCredentials(text.trim().slice(0, MOST_WORDS))
  return said === '' ? 'nothing' : said
}
