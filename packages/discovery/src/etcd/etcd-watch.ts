import { CommunicationError, ConnectionError, type Timer } from '@comm/core'
import type { ServiceInstance, Watch } from '../registry.ts'
import type { EtcdApi, EtcdHeader, KeyValue, WatchAnswer } from './etcd-api.ts'
import { base64, instanceOf, rangeEnd, servicePrefix } from './etcd-instance.ts'
import type { ResolvedEtcd } from './options.ts'

type OnList = (instances: readonly ServiceInstance[]) => void

/** Ends a stream that was silent, to be opened anew. */
const IDLE = new CommunicationError('nothing was heard', { code: 'COMM_ABORTED' })

/** The keys of one service: read once, then followed from that revision on, also over lost connections. */
export class EtcdWatch implements Watch {
  readonly #api: EtcdApi
  readonly #options: ResolvedEtcd
  readonly #service: string
  readonly #prefix: string
  readonly #known = new Map<string, ServiceInstance>()
  /** The last that was seen; undefined: the list has to be read. */
  #revision: bigint | undefined

  constructor(api: EtcdApi, options: ResolvedEtcd, service: string) {
    this.#api = api
    this.#options = options
    this.#service = service
    this.#prefix = servicePrefix(options.keyPrefix, service)
  }

  async run(onList: OnList, signal: AbortSignal): Promise<never> {
    for (let isFirst = true; ; isFirst = false) {
      signal.throwIfAborted()
      const isRead = this.#revision === undefined
      if (isRead) await this.#read(signal)
      if (isRead) onList([...this.#known.values()])
      await this.#follow(onList, isFirst && !isRead, signal)
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const request = { key: base64(this.#prefix), range_end: rangeEnd(this.#prefix) }
    const answer = await this.#api.callInTime<{ header: EtcdHeader; kvs?: readonly KeyValue[] }>('/v3/kv/range', request, signal)
    this.#known.clear()
    for (const entry of answer.kvs ?? []) this.#put(entry)
    this.#revision = BigInt(answer.header.revision ?? 0)
  }

  /** One stream. @returns when it is to be opened anew @param sayFirst hand the list over once it is open */
  async #follow(onList: OnList, sayFirst: boolean, signal: AbortSignal): Promise<void> {
    const { clock, idleMs, requestTimeoutMs } = this.#options
    const stream = new AbortController()
    const abort = (): void => stream.abort(signal.reason)
    signal.addEventListener('abort', abort)
    let timer: Timer | undefined
    const expect = (ms: number, reason: CommunicationError): void => {
      timer?.cancel()
      timer = clock.setTimer(ms, () => stream.abort(reason))
    }
    try {
      expect(requestTimeoutMs, new ConnectionError(`${this.#api.where} did not open a watch within ${requestTimeoutMs} ms`))
      const from = String((this.#revision ?? 0n) + 1n)
      const request = { key: base64(this.#prefix), range_end: rangeEnd(this.#prefix), start_revision: from }
      for await (const answer of this.#api.watch(request, stream.signal)) {
        expect(idleMs, IDLE)
        if (!this.#isUsable(answer)) return
        if (answer.created && sayFirst) onList([...this.#known.values()])
        if (this.#apply(answer)) onList([...this.#known.values()])
      }
    } catch (thrown) {
      if (thrown !== IDLE) throw thrown
    } finally {
      timer?.cancel()
      signal.removeEventListener('abort', abort)
      stream.abort()
    }
  }

  /** @returns false when the list has to be read again */
  #isUsable({ created, canceled, compact_revision, cancel_reason, header }: WatchAnswer): boolean {
    // Another cluster, or one that was set up anew: its revisions are not the ones that were seen.
    const isYounger = created === true && BigInt(header?.revision ?? 0) < (this.#revision ?? 0n)
    const isCompacted = canceled === true && compact_revision !== undefined
    if (isYounger || isCompacted) {
      this.#revision = undefined
      return false
    }
    if (canceled) throw new ConnectionError(`${this.#api.where} ended a watch: ${cancel_reason || 'it does not say why'}`)
    return true
  }

  /** @returns whether something has changed */
  #apply({ events = [] }: WatchAnswer): boolean {
    for (const { type, kv } of events) {
      if (type === 'DELETE') this.#known.delete(kv.key)
      else this.#put(kv)
      const revision = BigInt(kv.mod_revision ?? 0)
      if (revision > (this.#revision ?? 0n)) this.#revision = revision
    }
    return events.length > 0
  }

  #put(entry: KeyValue): void {
    const instance = instanceOf(entry, this.#service, this.#prefix)
    if (instance === undefined) this.#known.delete(entry.key)
    else this.#known.set(entry.key, instance)
  }
}
