import { CommunicationError, ConnectionError, pause, type Timer, withTimeLimit } from '@comm/core'
import type { ServiceInstance, Watch } from '../registry.ts'
import { type EndpointSlice, instancesOf } from './endpoint-slice.ts'
import { GONE, type KubernetesApi, type WatchEvent } from './kubernetes-api.ts'
import type { ResolvedKubernetes } from './options.ts'

type OnList = (instances: readonly ServiceInstance[]) => void

/** Ends a stream that was silent, to be opened anew. */
const IDLE = new CommunicationError('nothing was heard', { code: 'COMM_ABORTED' })
/** Lists in a row whose history was gone before they could be followed. */
const MOST_LISTS = 5
/** A server, or a proxy, that ends watches sooner, before anything was said, is given as much time again. */
const SHORT_WATCH_MS = 1000

/**
 * The slices of one service: listed once, then followed from that resource version on, also over lost connections
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 */
export class KubernetesWatch implements Watch {
  readonly #api: KubernetesApi
  readonly #options: ResolvedKubernetes
  readonly #service: string
  readonly #slices = new Map<string, EndpointSlice>()
  /** The last that was seen; undefined: the slices have to be listed. */
  #version: string | undefined

  constructor(api: KubernetesApi, options: ResolvedKubernetes, service: string) {
    this.#api = api
    this.#options = options
    this.#service = service
  }

  async run(onList: OnList, signal: AbortSignal): Promise<never> {
    const tell = (): void => onList(instancesOf(this.#service, this.#slices.values(), this.#options.portName))
    let lists = 0
    for (let isFirst = true; ; isFirst = false) {
      signal.throwIfAborted()
      const isListed = this.#version === undefined
      if (isListed && ++lists > MOST_LISTS)
        throw new ConnectionError(`${this.#api.where} keeps no history long enough to follow it`)
      if (isListed) await this.#list(signal)
      if (isListed && this.#version !== undefined) tell()
      if (this.#version !== undefined && (await this.#follow(tell, isFirst && !isListed, signal))) lists = 0
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, requestTimeoutMs } = this.#options
    const late = `${this.#api.where} did not list ${this.#service}`
    const { status, list } = await withTimeLimit(
      clock,
      requestTimeoutMs,
      signal,
      (limit) => this.#api.list(this.#service, limit),
      late,
    )
    if (status === GONE) return
    this.#slices.clear()
    for (const slice of list.items) this.#slices.set(slice.metadata.name, slice)
    this.#version = list.metadata.resourceVersion
  }

  /** One stream. @returns when it is to be opened anew: whether something was heard @param sayFirst tell of the list once it is open */
  async #follow(tell: () => void, sayFirst: boolean, signal: AbortSignal): Promise<boolean> {
    const { clock, idleMs } = this.#options
    const stream = new AbortController()
    const abort = (): void => stream.abort(signal.reason)
    signal.addEventListener('abort', abort)
    let timer: Timer | undefined
    const expectMore = (): void => {
      timer?.cancel()
      timer = clock.setTimer(idleMs, () => stream.abort(IDLE))
    }
    let heard = false
    const begunAt = clock.now()
    try {
      const { status, events } = await this.#api.watch(this.#service, this.#version as string, stream.signal)
      if (status === GONE) {
        this.#version = undefined
        return false
      }
      if (sayFirst) tell()
      expectMore()
      for await (const event of events) {
        expectMore()
        heard = true
        const answer = this.#apply(event)
        if (answer === 'gone') return false
        if (answer === 'changed') tell()
      }
      if (!heard && clock.now() - begunAt < SHORT_WATCH_MS) await pause(clock, SHORT_WATCH_MS, signal)
      return true
    } catch (thrown) {
      if (thrown !== IDLE) throw thrown
      return heard
    } finally {
      timer?.cancel()
      signal.removeEventListener('abort', abort)
      stream.abort()
    }
  }

  /** @throws ConnectionError for an error that is not about the history */
  #apply({ type, object }: WatchEvent): 'changed' | 'same' | 'gone' {
    if (type === 'ERROR') {
      if (object.code !== GONE)
        throw new ConnectionError(`${this.#api.where} ended a watch: ${object.message ?? `code ${object.code}`}`)
      this.#version = undefined
      return 'gone'
    }
    this.#version = object.metadata.resourceVersion ?? this.#version
    if (type === 'BOOKMARK') return 'same'
    if (type === 'DELETED') this.#slices.delete(object.metadata.name)
    else this.#slices.set(object.metadata.name, object)
    return 'changed'
  }
}
