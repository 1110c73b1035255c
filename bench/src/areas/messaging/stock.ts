import type { Role } from './role.ts'

/** A broker as the harness sees it: makes what contenders use, lays in what they consume, counts what they did. */
export interface Stock extends AsyncDisposable {
  /** Makes the topic, and the group on it. */
  declare(role: Role): Promise<void>
  /** Lays in so many orders, and nothing else, for a consumer. */
  fill(role: Role, count: number): Promise<void>
  /** How many messages a consumer may leave there that it has acknowledged. */
  readonly tolerated: number
  /**
   * Takes out what lies there, which is what a publisher has sent, or what a consumer did not acknowledge.
   * @returns how many @throws Error when the first of them is not what it has to be
   */
  drain(role: Role): Promise<number>
}
