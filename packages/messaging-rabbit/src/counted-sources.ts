import type { Source, SourceDelivery } from '@comm/messaging/adapter'

export interface CountedSource extends Source {
  /** Where the broker keeps what comes from it. */
  readonly queue: string
  /** Handed over or waiting for it. */
  unsettled: number
}

/** Sources by queue and topic; those of which something is unsettled: of a pattern's topics there may be no end. */
export class CountedSources {
  readonly #make: (topic: string) => Source
  readonly #sources = new Map<string, CountedSource>()

  constructor(make: (topic: string) => Source) {
    this.#make = make
  }

  /** The one that a record has come from. */
  count(queue: string, topic: string): CountedSource {
    const name = nameOf(queue, topic)
    let source = this.#sources.get(name)
    if (source === undefined) {
      source = { ...this.#make(topic), queue, unsettled: 0 }
      this.#sources.set(name, source)
    }
    source.unsettled++
    return source
  }

  /** Nothing is to be settled any more of the delivery. */
  release({ source }: SourceDelivery): void {
    const from = source as CountedSource
    if (--from.unsettled === 0) this.#sources.delete(nameOf(from.queue, from.topic))
  }

  unsettled(queue: string): number {
    let sum = 0
    for (const each of this.#sources.values()) if (each.queue === queue) sum += each.unsettled
    return sum
  }
}

function nameOf(queue: string, topic: string): string {
  return `${queue} ${topic}`
}
