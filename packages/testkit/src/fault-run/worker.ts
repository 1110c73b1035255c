import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FORK_OPTIONS } from './fork-options.ts'
import { JournalReader, monotonicMicroseconds } from './journal.ts'
import type { Ledger } from './ledger.ts'
import { MemoryWatch } from './memory-watch.ts'
import type { WorkerNews, WorkerOrder, WorkerTask } from './worker-protocol.ts'

const STOP_LIMIT_MS = 20_000

/** A producer or consumer in a process of its own. */
export class Worker {
  readonly memory: MemoryWatch = new MemoryWatch(performance.now())
  /** Resolves when messages flow. @throws Error if the process ends before */
  readonly ready: Promise<void>
  /** Resolves when its work is done. @throws Error if it ends otherwise, unless it was told to */
  readonly done: Promise<void>
  readonly #child: ChildProcess
  readonly #journal: JournalReader
  readonly #task: WorkerTask
  readonly #exited: Promise<void>
  #isExpected = false

  constructor(task: WorkerTask) {
    this.#task = task
    this.#journal = new JournalReader(task.journal)
    this.#child = fork(fileURLToPath(new URL('./worker-main.ts', import.meta.url)), [JSON.stringify(task)], FORK_OPTIONS)
    const ready = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    this.#child.on('message', (news: WorkerNews) => {
      if (news === 'ready') ready.resolve()
      else if (news === 'done') done.resolve()
      else this.memory.sample(news.rssBytes, performance.now())
    })
    this.#exited = once(this.#child, 'exit').then(([code, signal]: unknown[]) => {
      const error = new Error(`a ${task.role} ended with ${signal ?? `code ${code}`} though nobody had told it to`)
      if (this.#isExpected) done.resolve()
      ready.reject(error)
      done.reject(error)
    })
    this.ready = ready.promise
    this.done = done.promise
    for (const promise of [this.ready, this.done]) promise.catch(() => undefined)
  }

  /** Enters into the ledger what the process has told since the last time. */
  readInto(ledger: Ledger): void {
    this.#journal.read((event) => ledger.record(this.#task.journal, event))
  }

  /** Lets a producer publish the messages with a lower number. */
  open(upTo: number): void {
    const order: WorkerOrder = { openTo: upTo }
    this.ready.then(
      () => this.#child.send(order),
      () => undefined,
    )
  }

  /** SIGKILL, with everything that it had told entered first. */
  async kill(ledger: Ledger): Promise<void> {
    this.#isExpected = true
    const at = monotonicMicroseconds()
    this.#child.kill('SIGKILL')
    await this.#exited
    this.readInto(ledger)
    this.#journal.close()
    ledger.died(this.#task.journal, at)
  }

  /** In good order; by force when that takes too long. */
  async stop(ledger: Ledger): Promise<void> {
    this.#isExpected = true
    if (this.#child.connected) this.#child.send('stop')
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS)
    await this.#exited
    clearTimeout(force)
    this.readInto(ledger)
    this.#journal.close()
    ledger.died(this.#task.journal, monotonicMicroseconds())
  }
}
