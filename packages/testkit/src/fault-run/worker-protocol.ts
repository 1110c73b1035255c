import type { BrokerAddress } from './adapters.ts'
import type { ConsumerPlan } from './consumer.ts'
import type { ProducerPlan } from './producer.ts'

/** What a worker process is given as its only argument, as JSON. */
export type WorkerTask = {
  readonly address: BrokerAddress
  readonly journal: string
} & (
  | { readonly role: 'producer'; readonly plan: ProducerPlan }
  | { readonly role: 'consumer'; readonly plan: ConsumerPlan; readonly claims: { readonly host: string; readonly port: number } }
)

/** What it says: that messages flow, that its work is done, how much memory it has (after a collection). */
export type WorkerNews = 'ready' | 'done' | { readonly rssBytes: number }

/** What it is told: to end in good order; which messages it may publish. */
export type WorkerOrder = 'stop' | { readonly openTo: number }
