import type { Account } from '../account.ts'
import type { Customer } from '../customer.ts'
import type { Journal } from '../journal.ts'
import type { Services } from '../services.ts'

export interface Scene {
  readonly account: Account
  readonly services: Services
  readonly journal: Journal
  readonly customer: Customer
}

export type Chapter = (scene: Scene) => Promise<void>
