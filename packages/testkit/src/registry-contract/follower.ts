import type { ServiceInstance, Watch } from '@comm/discovery'
import { addresses } from './facts.ts'

type WaitFor = <Fact>(what: string, fact: () => Fact | Promise<Fact>) => Promise<Fact>

/** Runs a watch and notes what it hears. */
export class Follower {
  readonly #watch: Watch
  readonly #waitFor: WaitFor
  readonly #runsAgain: boolean
  #stopped = new AbortController()
  #run: Promise<unknown> = Promise.resolve()
  /** Every list of this run, in order. */
  lists: (readonly ServiceInstance[])[] = []
  /** Why the last run ended; undefined while it runs. */
  end: unknown

  /** @param runsAgain what ends while it is waited for is run again */
  constructor(watch: Watch, waitFor: WaitFor, runsAgain = false) {
    this.#watch = watch
    this.#waitFor = waitFor
    this.#runsAgain = runsAgain
  }

  get last(): readonly ServiceInstance[] | undefined {
    return this.lists.at(-1)
  }

  get signal(): AbortSignal {
    return this.#stopped.signal
  }

  start(): void {
    this.lists = []
    this.end = undefined
    this.#stopped = new AbortController()
    this.#run = this.#watch
      .run((list) => void this.lists.push(list), this.#stopped.signal)
      .catch((thrown: unknown) => {
        this.end = thrown
      })
  }

  async stop(reason: unknown = new Error('the follower was stopped')): Promise<void> {
    this.#stopped.abort(reason)
    await this.#run
  }

  async ended(): Promise<unknown> {
    await this.#waitFor('the end of a watch', () => this.end !== undefined)
    return this.end
  }

  /** Whether the last list has these addresses. */
  shows(...expected: readonly string[]): boolean {
    return this.last !== undefined && addresses(this.last).join(' ') === expected.toSorted().join(' ')
  }

  /** Waits until the last list has these addresses. */
  async sees(...expected: readonly string[]): Promise<void> {
    const wanted = expected.toSorted().join(' ')
    await this.#waitFor(`a watch to show ${wanted || 'nobody'}`, () => {
      if (this.#runsAgain && this.end !== undefined) this.start()
      const shown = this.last === undefined ? 'no list' : addresses(this.last).join(' ')
      if (shown !== wanted)
        throw new Error(`it shows ${shown || 'nobody'}${this.end === undefined ? '' : ` and has ended with ${String(this.end)}`}`)
      return true
    })
  }
}
