import { matchesPattern, topicWords } from '@comm/core'
import { DueQueue } from '../adapter/due-queue.ts'
import type { OutboundRecord, PublishResult, SubscribeRequest } from '../broker.ts'
import type { Consumer } from './consumer.ts'
import { Dispatcher } from './dispatcher.ts'
import { deletedError, full, tooLarge, unroutable } from './errors.ts'
import type { GroupQueue } from './group-queue.ts'
import type { QueuedRecord } from './lane.ts'
import type { MemoryServerOptions } from './options.ts'
import { type MemoryRecord, storeRecord } from './record.ts'
import { Topic } from './topic.ts'

const STORED: PublishResult = Object.freeze({ ok: true })

/** Consumers by pattern, and the group for which topics that appear later get a queue. */
interface PatternBinding {
  readonly words: readonly string[]
  readonly group: string | undefined
  readonly consumers: Set<Consumer>
}

/** Everything stored, and who consumes it. */
export class Topics {
  readonly dispatcher: Dispatcher
  /** Held while nobody is connected. */
  readonly delayed: DueQueue<{ readonly queue: GroupQueue; readonly queued: QueuedRecord }>
  readonly #options: Readonly<Required<MemoryServerOptions>>
  readonly #topics = new Map<string, Topic>()
  readonly #patterns: PatternBinding[] = []

  constructor(options: Readonly<Required<MemoryServerOptions>>) {
    this.#options = options
    this.dispatcher = new Dispatcher(options.clock)
    this.delayed = new DueQueue(options.clock, ({ queue, queued }) => {
      queue.release(queued)
      this.dispatcher.schedule(queue)
    })
    this.delayed.hold()
  }

  find(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  publish(outbound: OutboundRecord): PublishResult {
    const { maxBodyBytes, clock } = this.#options
    if (outbound.body.length > maxBodyBytes) return tooLarge(outbound, maxBodyBytes)
    const topic = this.#topics.get(outbound.topic) ?? this.#create(outbound.topic)
    const queues = outbound.group === undefined ? topic.queues : [topic.group(outbound.group).queue]
    if (queues.length === 0) {
      if (outbound.unroutable !== 'ignore') return unroutable(outbound)
      topic.isKept = true
    }
    for (const queue of queues) if (queue.size >= this.#options.maxQueuedRecords) return full(outbound, queue)
    this.#topics.set(topic.name, topic)
    const record = storeRecord(outbound, topic.nextId(), clock.wall())
    if (outbound.group === undefined) topic.log.add(record)
    for (const queue of queues) this.#enqueue(queue, record)
    return STORED
  }

  /** Attaches a consumer to what it asks for; topics and groups that are not there yet are made. */
  open(consumer: Consumer): void {
    const { topics, pattern = false, group } = consumer.request
    for (const name of topics) {
      if (pattern) this.#bindPattern(name, group, consumer)
      else this.#attach(this.#keep(this.#topics.get(name) ?? this.#create(name)), consumer)
    }
  }

  /** Detaches a consumer; an ephemeral one takes its queues with it. What it has not settled is its own affair. */
  close(consumer: Consumer): void {
    const { queues } = consumer
    consumer.detach()
    for (let at = this.#patterns.length - 1; at >= 0; at--) {
      const binding = this.#patterns[at]
      if (binding?.consumers.delete(consumer) && binding.group === undefined) this.#patterns.splice(at, 1)
    }
    if (consumer.request.group !== undefined) return
    for (const queue of queues) {
      const topic = this.#topics.get(queue.topic)
      topic?.dropEphemeral(consumer)
      if (topic?.queues.length === 0 && !topic.isKept) this.#topics.delete(topic.name)
    }
  }

  /** Forgets a topic with all its records. Subscriptions that named it end; those by pattern go on without it. */
  delete(name: string, consumers: Iterable<Consumer>): boolean {
    const topic = this.#topics.get(name)
    if (topic === undefined) return false
    this.#topics.delete(name)
    for (const queue of topic.queues) queue.purge()
    for (const consumer of consumers) {
      if (consumer.request.pattern) for (const queue of topic.queues) consumer.detach(queue)
      else if (consumer.request.topics.includes(name)) consumer.end(deletedError(name))
    }
    return true
  }

  #keep(topic: Topic): Topic {
    this.#topics.set(topic.name, topic)
    return topic
  }

  /** Not kept yet: a topic that nobody takes from must not stay behind for every mistyped name. */
  #create(name: string): Topic {
    const topic = new Topic(name, this.#options.retainedRecords, this.#options.retainedBytes)
    const words = topicWords(name)
    for (const binding of this.#patterns) {
      if (!matchesPattern(binding.words, words)) continue
      if (binding.group !== undefined) topic.group(binding.group)
      for (const consumer of binding.consumers) this.#attach(topic, consumer)
    }
    return topic
  }

  #bindPattern(pattern: string, group: string | undefined, consumer: Consumer): void {
    const words = topicWords(pattern)
    const shared = this.#patterns.find(
      (binding) => group !== undefined && binding.group === group && binding.words.join('.') === pattern,
    )
    if (shared === undefined) this.#patterns.push({ words, group, consumers: new Set([consumer]) })
    else shared.consumers.add(consumer)
    for (const topic of this.#topics.values()) if (matchesPattern(words, topicWords(topic.name))) this.#attach(topic, consumer)
  }

  #attach(topic: Topic, consumer: Consumer): void {
    const { group, from } = consumer.request
    const { queue, isNew } = group === undefined ? topic.ephemeral(consumer) : topic.group(group)
    if (isNew) for (const record of topic.log) if (isWanted(record, from)) this.#enqueue(queue, record)
    consumer.attach(queue)
  }

  #enqueue(queue: GroupQueue, record: MemoryRecord): void {
    const { notBefore } = record
    if (notBefore !== undefined && notBefore > this.#options.clock.wall()) {
      this.delayed.add(notBefore, { queue, queued: queue.add(record, true) })
    } else {
      queue.add(record)
      this.dispatcher.schedule(queue)
    }
  }
}

function isWanted(record: MemoryRecord, from: SubscribeRequest['from'] = 'new'): boolean {
  return from === 'earliest' || (from !== 'new' && record.timestamp >= from.timestamp)
}
