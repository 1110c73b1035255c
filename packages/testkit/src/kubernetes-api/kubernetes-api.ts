import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { boolean, checkOptions, nonEmptyText, number, secret } from '@comm/core/options'
import { freePorts } from '../free-port.ts'
import { createTlsFiles, type TlsFiles } from '../servers/certificates.ts'
import { serveWatch } from './api-watch.ts'
import { SliceStore, type StoredObject } from './slice-store.ts'
import { status } from './status.ts'

export interface KubernetesApiOptions {
  /** The bearer token that is accepted first. @default 'first-token' */
  readonly token?: string
  /** Serve TLS; `tls.ca` is the authority then. @default false */
  readonly tls?: boolean
  /** Between two bookmarks of a watch. @default 1000 */
  readonly bookmarkMs?: number
}

/**
 * The part of a Kubernetes API server that discovery talks to, in this process: EndpointSlices to create, replace, delete, list (in pages)
 * and watch, resource versions, bookmarks, an expired history, bearer tokens. It behaves as kube-apiserver 1.34 does there.
 */
export interface KubernetesApiServer extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly tls: TlsFiles | undefined
  /** Of all watches that are open. */
  readonly watches: number
  /** How often a watch was begun. */
  readonly watchRequests: number
  /** How many bookmarks were sent. */
  readonly bookmarks: number
  /** How often slices were listed. */
  readonly lists: number
  /** Accepts this one only, from the next request on. */
  rotateToken(token: string): void
  /** Forgets the history of changes: a watch from before begins with 410 Gone. */
  compact(): void
  /** Ends every watch in good order. */
  endWatches(): void
  /** Cuts every connection and listens no more. */
  kill(): Promise<void>
  /** Listens again, on the same port, with what it knew. */
  restart(): Promise<void>
  close(): Promise<void>
}

const PATH = /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/([^/]+)\/endpointslices(?:\/([^/]+))?$/
const DEFAULT_WATCH_S = 1800

/** @throws ConfigurationError */
export async function startKubernetesApi(options: KubernetesApiOptions = {}): Promise<KubernetesApiServer> {
  checkOptions<KubernetesApiOptions>('kubernetesApi', options, {
    token: secret(nonEmptyText),
    tls: boolean,
    bookmarkMs: number({ min: 1 }),
  })
  const api = new LocalApiServer(options, options.tls ? await createTlsFiles() : undefined)
  await api.listen((await freePorts(1))[0] as number)
  return api
}

class LocalApiServer implements KubernetesApiServer {
  readonly host = '127.0.0.1'
  readonly tls: TlsFiles | undefined
  readonly #bookmarkMs: number
  readonly #store = new SliceStore()
  readonly #open = new Set<ServerResponse>()
  #token: string
  #server: Server | undefined
  #port = 0
  #lists = 0
  #watchRequests = 0
  #bookmarks = 0

  constructor({ token = 'first-token', bookmarkMs = 1000 }: KubernetesApiOptions, tls: TlsFiles | undefined) {
    this.#token = token
    this.#bookmarkMs = bookmarkMs
    this.tls = tls
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `${this.tls === undefined ? 'http' : 'https'}://${this.host}:${this.#port}`
  }

  get watches(): number {
    return this.#open.size
  }

  get watchRequests(): number {
    return this.#watchRequests
  }

  get bookmarks(): number {
    return this.#bookmarks
  }

  get lists(): number {
    return this.#lists
  }

  rotateToken(token: string): void {
    this.#token = token
  }

  compact(): void {
    this.#store.compact()
  }

  endWatches(): void {
    for (const response of this.#open) response.end()
  }

  async listen(port: number): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#handle(request, response).catch((thrown: unknown) => response.destroy(thrown as Error))
    }
    const { tls } = this
    const server = tls === undefined ? createHttpServer(handle) : createHttpsServer({ cert: tls.cert, key: tls.key }, handle)
    this.#server = server
    server.listen(port, this.host)
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.listen(this.#port)
  }

  close(): Promise<void> {
    return this.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    const [, namespace = '', name] = PATH.exec(pathname) ?? []
    if (request.headers.authorization !== `Bearer ${this.#token}`) return answer(response, 401, 'Unauthorized', 'Unauthorized')
    if (namespace === '') return answer(response, 404, 'NotFound', 'the server could not find the requested resource')
    if (request.method === 'GET' && name === undefined) return this.#read(namespace, searchParams, response)
    if (request.method === 'DELETE' && name !== undefined) {
      if (this.#store.delete(namespace, name)) return answer(response, 200, '', '')
      return answer(response, 404, 'NotFound', `endpointslices.discovery.k8s.io "${name}" not found`)
    }
    if (request.method === 'POST' || request.method === 'PUT') {
      const given = (await json(request)) as StoredObject
      const wanted = name ?? given.metadata.name
      const loopback = addressesOf(given).find((address) => /^127\.|^::1$/.test(address))
      if (loopback !== undefined) {
        const message = `EndpointSlice.discovery.k8s.io "${wanted}" is invalid: "${loopback}": may not be in the loopback range`
        return answer(response, 422, 'Invalid', message)
      }
      const isKnown = this.#store.get(namespace, wanted) !== undefined
      if (request.method === 'POST' && isKnown)
        return answer(response, 409, 'AlreadyExists', `endpointslices "${wanted}" already exists`)
      if (request.method === 'PUT' && !isKnown) return answer(response, 404, 'NotFound', `endpointslices "${wanted}" not found`)
      return send(response, isKnown ? 200 : 201, this.#store.put(namespace, wanted, given))
    }
    answer(response, 405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }

  #read(namespace: string, query: URLSearchParams, response: ServerResponse): void {
    const [label = '', value = ''] = (query.get('labelSelector') ?? '').split('=')
    const accepts = ({ metadata }: StoredObject): boolean =>
      metadata.namespace === namespace && (label === '' || metadata.labels?.[label] === value)
    if (query.get('watch') === null) return this.#list(accepts, query, response)
    this.#watchRequests++
    this.#open.add(response)
    response.once('close', () => this.#open.delete(response))
    serveWatch(response, this.#store, {
      version: Number(query.get('resourceVersion') || this.#store.version),
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      timeoutMs: Number(query.get('timeoutSeconds') ?? DEFAULT_WATCH_S) * 1000,
      bookmarkMs: this.#bookmarkMs,
      onBookmark: () => void this.#bookmarks++,
      accepts,
    })
  }

  #list(accepts: (object: StoredObject) => boolean, query: URLSearchParams, response: ServerResponse): void {
    this.#lists++
    const all = this.#store.list(accepts)
    const from = Number(query.get('continue') ?? 0)
    const to = from + Number(query.get('limit') ?? all.length)
    const more = to < all.length ? { continue: String(to), remainingItemCount: all.length - to } : {}
    const metadata = { resourceVersion: String(this.#store.version), ...more }
    send(response, 200, { kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items: all.slice(from, to) })
  }
}

function addressesOf(slice: object): readonly string[] {
  const { endpoints } = slice as { readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null }
  return (endpoints ?? []).flatMap(({ addresses }) => addresses)
}

function answer(response: ServerResponse, code: number, reason: string, message: string): void {
  send(response, code, status(code, reason, message))
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
