import { ConnectionError } from '@comm/core'
import type { Consumer } from './consumer.ts'
import { type MemoryServerOptions, resolveServerOptions } from './options.ts'
import { Topics } from './topics.ts'

/** What the server does to a connection. */
export interface MemoryConnection {
  readonly consumers: Iterable<Consumer>
  onLost(reason: ConnectionError): void
  onRestored(): void
}

/**
 * A broker inside this process: it holds the topics, any number of adapters connect to it. Records live as long as the
 * server does. `stop`, `start` and `dropConnections` make the outages that tests need.
 */
export class MemoryServer {
  readonly options: Readonly<Required<MemoryServerOptions>>
  /** What connections work on; not for applications. */
  readonly topics: Topics
  readonly #connections = new Set<MemoryConnection>()
  #isRunning = true
  #restoring: NodeJS.Immediate | undefined

  /** @throws ConfigurationError */
  constructor(options: MemoryServerOptions = {}) {
    this.options = resolveServerOptions(options)
    this.topics = new Topics(this.options)
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Loses every connection and refuses new ones until `start`. Records stay. Idempotent. */
  stop(): void {
    if (!this.#isRunning) return
    this.#isRunning = false
    this.#lose('the in-memory broker was stopped')
  }

  /** Takes connections again; those that were lost come back by themselves. Idempotent. */
  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#restoreSoon()
  }

  /** Cuts every connection; they come back by themselves, in a later turn of the event loop. */
  dropConnections(): void {
    if (!this.#isRunning) return
    this.#lose('the connection to the in-memory broker was cut')
    this.#restoreSoon()
  }

  /** Deletes a topic and its records. Subscriptions that named it end with an error. False when there is no such topic. */
  deleteTopic(name: string): boolean {
    const consumers = [...this.#connections].flatMap((connection) => [...connection.consumers])
    return this.topics.delete(name, consumers)
  }

  /** For adapters. */
  join(connection: MemoryConnection): void {
    this.#connections.add(connection)
    this.topics.delayed.release()
  }

  /** For adapters. Without connections the server leaves no timer running, so that the process can end. */
  leave(connection: MemoryConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.topics.delayed.hold()
  }

  #lose(what: string): void {
    if (this.#restoring !== undefined) clearImmediate(this.#restoring)
    this.#restoring = undefined
    for (const connection of this.#connections) connection.onLost(new ConnectionError(what))
  }

  #restoreSoon(): void {
    this.#restoring ??= setImmediate(() => {
      this.#restoring = undefined
      for (const connection of this.#connections) connection.onRestored()
    })
  }
}
