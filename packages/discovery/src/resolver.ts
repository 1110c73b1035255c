import { type EndpointSource, type Health, UP } from '@comm/core'
import { filterInstances, type InstanceFilter } from './filter.ts'
import { type InstanceList, NOBODY } from './instance-list.ts'
import type { ServiceFeed } from './service-feed.ts'

/** What a resolver needs of the discovery: the feed that all users of a service share, made when it is first asked for. */
export type FeedOf = (service: string) => ServiceFeed

/**
 * The instances of one service, for a balancer: an `EndpointSource`. All resolvers of a service share one watch, which begins with the first
 * user (`ready`, `watch`) and ends some time after the last. It has nothing to dispose of: whoever stops watching has let go.
 */
export class ServiceResolver implements EndpointSource {
  readonly service: string
  readonly filter: InstanceFilter
  readonly #feedOf: FeedOf
  /** The feed that was used last; another takes its place when it was let go meanwhile. */
  #feed: ServiceFeed | undefined
  #filtered: { readonly from: InstanceList; readonly to: InstanceList } = { from: NOBODY, to: NOBODY }

  constructor(service: string, filter: InstanceFilter, feedOf: FeedOf) {
    this.service = service
    this.filter = filter
    this.#feedOf = feedOf
  }

  get instances(): InstanceList {
    const feed = this.#feed
    // One that was let go is asked for anew, by `ready`.
    const from = feed === undefined || feed.isStopped ? NOBODY : feed.instances
    if (from !== this.#filtered.from) this.#filtered = { from, to: filterInstances(from, this.filter) }
    return this.#filtered.to
  }

  get isStale(): boolean {
    return this.#feed?.isStale ?? false
  }

  /** Resolves when the first list is there, at the latest after `readyTimeoutMs`. @throws CommunicationError; the signal's reason */
  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const feed = this.#current()
    const release = feed.use()
    try {
      await feed.answered(signal)
    } finally {
      release()
    }
  }

  watch(onChange: () => void): () => void {
    const feed = this.#current()
    const release = feed.use()
    let seen = { instances: this.instances, isStale: feed.isStale }
    const stop = feed.listen(() => {
      const { instances, isStale } = this
      if (sameList(instances, seen.instances) && isStale === seen.isStale) return
      seen = { instances, isStale }
      onChange()
    })
    return () => {
      stop()
      release()
    }
  }

  /** Whether the list is known, and fresh. */
  health(): Health {
    const feed = this.#feed
    const failure = feed?.failure
    if (feed === undefined || failure === undefined) return UP
    if (!feed.isAnswered) return { status: 'down', reason: `the instances of ${this.service} are not known: ${failure.message}` }
    return { status: 'degraded', reason: `the instances of ${this.service} are the last known: ${failure.message}` }
  }

  #current(): ServiceFeed {
    this.#feed = this.#feedOf(this.service)
    return this.#feed
  }
}

/** A filter makes a new list of the same instances when others have changed. */
function sameList(one: InstanceList, other: InstanceList): boolean {
  return one.length === other.length && one.every((instance, index) => instance === other[index])
}
