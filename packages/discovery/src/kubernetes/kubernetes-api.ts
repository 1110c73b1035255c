import { AuthenticationError, ConnectionError, unlessAborted, withTimeLimit } from '@comm/core'
import { type ApiAnswer, HttpApi } from '../adapter/http-api.ts'
import { findCluster } from './cluster.ts'
import type { Cluster } from './credentials.ts'
import type { EndpointSlice } from './endpoint-slice.ts'
import type { ResolvedKubernetes } from './options.ts'

/** What a watch tells: `BOOKMARK` has only a resource version, `ERROR` a Status. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: EndpointSlice & { readonly code?: number; readonly message?: string }
}

export interface SliceList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly EndpointSlice[]
}

/** The history since that resource version is gone: list again. */
export const GONE = 410
const PAGE = '500'

interface Opened {
  readonly cluster: Cluster
  readonly http: HttpApi
}

/** The API server, as far as EndpointSlices go. */
export class KubernetesApi {
  readonly where: string
  readonly #options: ResolvedKubernetes
  #opened: Promise<Opened> | undefined

  constructor(options: ResolvedKubernetes, where: string) {
    this.#options = options
    this.where = where
  }

  /** Every slice of a service. @throws as `HttpApi.json` does; ConfigurationError where no cluster is found */
  async list(service: string, signal: AbortSignal): Promise<{ readonly status: number; readonly list: SliceList }> {
    const items: EndpointSlice[] = []
    for (let from: string | undefined; ; ) {
      const query = { limit: PAGE, ...(from === undefined ? {} : { continue: from }) }
      const { status, value } = await this.#withToken(signal, async ({ http, cluster }, headers) =>
        http.json<SliceList>({ method: 'GET', path: pathOf(cluster, service, query), signal, headers }, [GONE]),
      )
      if (status === GONE) return { status, list: { metadata: { resourceVersion: '' }, items: [] } }
      items.push(...value.items)
      from = value.metadata.continue || undefined
      if (from === undefined) return { status, list: { metadata: value.metadata, items } }
    }
  }

  /** @returns lines of events; status 410 where the history is gone @throws as `list` does */
  async watch(
    service: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): Promise<{ status: number; events: AsyncGenerator<WatchEvent, void> }> {
    const { watchMs, clock, requestTimeoutMs } = this.#options
    const query = {
      watch: '1',
      resourceVersion,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.ceil(watchMs / 1000)),
    }
    const what = `a watch of ${service}`
    const opened = await this.#open()
    const answer = await this.#withToken(signal, async ({ http, cluster }, headers) => {
      const ask = (limit: AbortSignal): Promise<ApiAnswer> =>
        unlessAborted(http.send({ method: 'GET', path: pathOf(cluster, service, query), signal, headers }), limit)
      const got = await withTimeLimit(clock, requestTimeoutMs, signal, ask, `${this.where} did not begin ${what}`)
      if (got.status < 300 || got.status === GONE) return got
      throw http.refusal(what, got.status, await http.text(got.body, signal, what))
    })
    if (answer.status === GONE) answer.body.destroy()
    return { status: answer.status, events: parsed(opened.http.lines(answer.body, signal, what), this.where) }
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.http.close()
  }

  /** Runs a request with the token of now; where that is refused and another one is there by then, once more. */
  async #withToken<Answer>(
    signal: AbortSignal,
    request: (opened: Opened, headers: Readonly<Record<string, string>>) => Promise<Answer>,
  ): Promise<Answer> {
    signal.throwIfAborted()
    const opened = await this.#open()
    const token = await opened.cluster.token()
    try {
      return await request(opened, authorization(token))
    } catch (thrown) {
      const next = thrown instanceof AuthenticationError ? await opened.cluster.token(token) : token
      if (next === token) throw thrown
      return request(opened, authorization(next))
    }
  }

  #open(): Promise<Opened> {
    this.#opened ??= findCluster(this.#options).then(
      (cluster) => {
        const origins = [new URL(cluster.server).origin] as const
        const tls = cluster.server.startsWith('https:') ? cluster.tls : undefined
        return { cluster, http: new HttpApi({ origins, where: this.where, tls, tlsName: 'KubernetesRegistry.ssl' }) }
      },
      (thrown: unknown) => {
        // The file may be there at the next try.
        this.#opened = undefined
        throw thrown
      },
    )
    return this.#opened
  }
}

function authorization(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

function pathOf({ server, namespace }: Cluster, service: string, query: Readonly<Record<string, string>>): string {
  const search = new URLSearchParams({ labelSelector: `kubernetes.io/service-name=${service}`, ...query })
  const base = new URL(server).pathname.replace(/\/$/, '')
  return `${base}/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices?${search}`
}

async function* parsed(lines: AsyncGenerator<string, void>, where: string): AsyncGenerator<WatchEvent, void> {
  for await (const line of lines) {
    try {
      yield JSON.parse(line) as WatchEvent
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause
      throw new ConnectionError(`${where} sent a line of a watch that is no JSON`, { cause })
    }
  }
}
