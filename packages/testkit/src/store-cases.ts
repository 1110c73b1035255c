import type { TestRunner } from './runner.ts'

/** A store, as a contract suite is given it. */
export interface StoreSubject<Store> {
  readonly store: Store
  /** Lets so much time pass for the store: moves its clock, or really waits. */
  pass(ms: number): Promise<void>
  dispose?(): Promise<void> | void
}

let keysMade = 0

/** Used by no other case, nor the beginning of another's: suites may share one server. */
export function newKey(): string {
  keysMade += 1
  return `contract:${process.pid}:${keysMade}:`
}

/** Runs cases, each on a store made for it, with a key of its own. */
export function storeCases<Subject extends StoreSubject<unknown>>(
  it: TestRunner['it'],
  create: () => Promise<Subject> | Subject,
): (what: string, body: (subject: Subject, key: string) => Promise<void>) => void {
  return (what, body) => {
    it(what, async () => {
      const subject = await create()
      try {
        await body(subject, newKey())
      } finally {
        await subject.dispose?.()
      }
    })
  }
}
