import { AuthenticationError, ConnectionError, describeEndpoint, withTimeLimit } from '@comm/core'
import { HttpApi } from '../adapter/http-api.ts'
import { originOf, tlsOf } from '../adapter/server-options.ts'
import type { ResolvedEtcd } from './options.ts'

/** Numbers of 64 bits are texts in etcd's JSON; what is 0 or empty is left out. */
export interface EtcdHeader {
  readonly revision?: string
}

export interface KeyValue {
  /** Base64. */
  readonly key: string
  readonly value?: string
  readonly mod_revision?: string
}

export interface EtcdEvent {
  /** Absent: PUT. */
  readonly type?: 'DELETE'
  readonly kv: KeyValue
}

export interface WatchAnswer {
  readonly header?: EtcdHeader
  readonly created?: boolean
  readonly canceled?: boolean
  readonly cancel_reason?: string
  /** The history before it is gone: the watch began too early. */
  readonly compact_revision?: string
  readonly events?: readonly EtcdEvent[]
}

/** etcd's v3 API as its JSON gateway serves it (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway). */
export class EtcdApi {
  readonly where: string
  readonly #options: ResolvedEtcd
  readonly #http: HttpApi
  #token: Promise<string> | undefined

  constructor(options: ResolvedEtcd) {
    this.#options = options
    const tls = tlsOf(options.ssl)
    this.where = `etcd at ${options.endpoints.map(describeEndpoint).join(', ')}`
    this.#http = new HttpApi({
      origins: options.endpoints.map((endpoint) => originOf(endpoint, tls)) as [string, ...string[]],
      where: this.where,
      tls,
      tlsName: 'EtcdRegistry.ssl',
      headers: async () => (this.#token === undefined ? {} : { authorization: await this.#token }),
    })
  }

  /** @throws as `HttpApi.json` does */
  async call<Answer>(path: string, json: object, signal: AbortSignal): Promise<Answer> {
    return this.#loggedIn(signal, async () => (await this.#http.json<Answer>({ method: 'POST', path, json, signal })).value)
  }

  /** `call` for a request of a watch, which has a time limit of its own. */
  callInTime<Answer>(path: string, json: object, signal: AbortSignal): Promise<Answer> {
    const { clock, requestTimeoutMs } = this.#options
    const late = `${this.where} did not answer POST ${path}`
    return withTimeLimit(clock, requestTimeoutMs, signal, (limit) => this.call<Answer>(path, json, limit), late)
  }

  /**
   * Watches keys; the first answer says `created`.
   * @throws ConnectionError when it ends; the signal's reason
   */
  async *watch(request: object, signal: AbortSignal): AsyncGenerator<WatchAnswer, never> {
    const path = '/v3/watch'
    const what = `POST ${path}`
    const { status, body } = await this.#loggedIn(signal, async () => {
      const answer = await this.#http.send({ method: 'POST', path, json: { create_request: request }, signal })
      if (answer.status === 401) throw this.#http.refusal(what, 401, await this.#http.text(answer.body, signal, what))
      return answer
    })
    if (status >= 300) throw this.#http.refusal(what, status, await this.#http.text(body, signal, what))
    for await (const line of this.#http.lines(body, signal, what)) yield this.#parse(line)
    throw new ConnectionError(`${this.where} ended a watch`)
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  #parse(line: string): WatchAnswer {
    const { result, error } = JSON.parse(line) as { result?: WatchAnswer; error?: { message?: string } }
    if (result !== undefined) return result
    throw new ConnectionError(`${this.where} ended a watch: ${error?.message ?? line}`)
  }

  /** With a login, makes sure that there is a token, and takes another where the one in use has run out. */
  async #loggedIn<Answer>(signal: AbortSignal, request: () => Promise<Answer>): Promise<Answer> {
    const { username: name, password } = this.#options
    if (name === undefined) return request()
    this.#token ??= this.#login(name, password, signal)
    const token = this.#token
    try {
      return await request()
    } catch (thrown) {
      if (!(thrown instanceof AuthenticationError)) throw thrown
      if (this.#token === token) this.#token = this.#login(name, password, signal)
      return request()
    }
  }

  #login(name: string, password: string | undefined, signal: AbortSignal): Promise<string> {
    this.#token = undefined
    const path = '/v3/auth/authenticate'
    const answer = this.#http.json<{ token: string }>({ method: 'POST', path, json: { name, password }, signal })
    const token = answer.then(({ value }) => value.token)
    token.catch(() => {
      if (this.#token === token) this.#token = undefined
    })
    return token
  }
}
