import type { BrokerAdapter, BrokerFeatures } from '@comm/messaging'
import type { ContractReport } from '../contract/report.ts'

/** How patient the suite is, and how much it sends. */
export interface ContractLimits {
  /** How long anything may take that must happen. @default 30000 */
  readonly deadlineMs?: number
  /** How long the suite watches that something does not happen. @default 250 */
  readonly quietMs?: number
  /** A delayed record may come this much before its time. @default 0 */
  readonly earlyMs?: number
  /** … and this much after it. @default 15000 */
  readonly lateMs?: number
  /** The delay that the suite asks for. @default 300 */
  readonly delayMs?: number
  /** @default 1048576 (1 MiB) */
  readonly largeBodyBytes?: number
  /** Records of the cases under load. @default 400 */
  readonly loadRecords?: number
}

export const CONTRACT_LIMITS: Readonly<Required<ContractLimits>> = Object.freeze({
  deadlineMs: 30_000,
  quietMs: 250,
  earlyMs: 0,
  lateMs: 15_000,
  delayMs: 300,
  largeBodyBytes: 1024 * 1024,
  loadRecords: 400,
})

/** A broker, as the suite is given it. Hooks that a broker has not, skip the cases that need them. */
export interface BrokerUnderTest {
  /** Stands in reports and in the support table: `RabbitMQ 4.0`. */
  readonly name: string
  /** What its adapters declare; decides which cases run. */
  readonly features: BrokerFeatures
  /** A new adapter, not connected yet. All of them reach the same broker. */
  createAdapter(): BrokerAdapter | Promise<BrokerAdapter>
  /** A name for a topic that nobody used before. @default `contract.<random>.<n>` */
  topicName?(): string
  /** Creates a topic where the broker does not by itself; with two partitions or more, where it has them. */
  createTopic?(topic: string): Promise<void>
  /** Cuts the connections of an adapter as a network would. They come back by themselves. */
  sever?(adapter: BrokerAdapter): void | Promise<void>
  /** Takes the broker away from everybody, and brings it back with all it had confirmed. */
  readonly outage?: { begin(): void | Promise<void>; end(): void | Promise<void> }
  /** Deletes a topic while it is consumed. */
  deleteTopic?(topic: string): void | Promise<void>
  /** What `adapter.admin` can do. @default 'full' */
  readonly admin?: 'full' | 'without remove' | 'none'
  readonly limits?: ContractLimits
  /** Case id to the reason, in words, why this broker cannot pass it. */
  readonly skip?: Readonly<Record<string, string>>
  /** Called once, when all cases have run. */
  report?(report: ContractReport): void
}
