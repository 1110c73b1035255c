import type { BrokerFeatures } from '@comm/messaging'
import type { Ledger } from './ledger.ts'
import type { FaultKind } from './options.ts'

/** Where a run takes place: real processes and servers, or everything in one process. */
export interface Stage extends AsyncDisposable {
  readonly ordering: BrokerFeatures['ordering']
  /** Starts consumers, then producers. Resolves when messages flow. */
  start(): Promise<void>
  /** Lets the messages with a lower number be published. */
  open(upTo: number): void
  /** Resolves when every message is confirmed. @throws Error why one will never be */
  readonly published: Promise<void>
  /** Enters into the ledger what happened since the last time. */
  readInto(ledger: Ledger): void
  /** Lets it happen; resolves when it is over. */
  inject(fault: FaultKind, forMs: number): Promise<void>
  /** Ends consumers and producers in good order. */
  stop(): Promise<void>
  /** The highest of any process. */
  readonly maxRssMiB: number
  /** The highest growth of any process since it was warm. */
  readonly memoryGrowthMiB: number
}
