import type { Health } from '@comm/core'
import type { BrokerAddress } from '../adapters.ts'

/** What the offering process is given as its only argument, as JSON. */
export interface OfferTask {
  readonly address: BrokerAddress
  readonly topic: string
  readonly rate: number
  readonly buffer: number
}

/** What became of the messages that were offered. */
export interface OfferTotals {
  readonly offered: number
  /** Refused with COMM_BUFFER_FULL. */
  readonly refused: number
  /** Of those, the ones whose refusal came later than in the turn of the event loop that offered them. */
  readonly refusedLate: number
  /** Neither confirmed nor refused, by the code of their error. */
  readonly failed: Readonly<Record<string, number>>
  /** Numbers of the confirmed ones, a bit each, in base64. */
  readonly confirmed: string
}

/** After a collection. */
export interface MemorySample {
  readonly rssBytes: number
  /** What is in use: objects, and bytes outside the heap. */
  readonly liveBytes: number
  /** Messages that wait in the publish buffer, and the size of their bodies and headers. */
  readonly buffered: { readonly messages: number; readonly bytes: number }
}

/** What it says. Times are microseconds of the machine's monotonic clock. */
export type OfferNews =
  | { readonly is: 'connected' }
  | { readonly is: 'health'; readonly status: Health['status']; readonly at: number }
  | ({ readonly is: 'memory' } & MemorySample)
  | { readonly is: 'totals'; readonly totals: OfferTotals }

/** What it is told: to stop offering, and to send the totals once everything has settled. */
export type OfferOrder = 'finish'
