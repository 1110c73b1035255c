import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FORK_OPTIONS } from '../fork-options.ts'
import { MemoryAccount } from './memory-account.ts'
import type { OfferNews, OfferOrder, OfferTask, OfferTotals } from './protocol.ts'

const STOP_LIMIT_MS = 120_000

/** The process that offers messages, as the run sees it. */
export class OfferingProcess implements AsyncDisposable {
  /** @throws Error if it ends before */
  readonly connected: Promise<void>
  readonly #totals = Promise.withResolvers<OfferTotals>()
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  /** Every change of its health. */
  readonly health: { readonly status: string; readonly at: number }[] = []
  readonly memory: MemoryAccount

  constructor(task: OfferTask) {
    this.memory = new MemoryAccount(task.buffer)
    this.#child = fork(fileURLToPath(new URL('./offerer-main.ts', import.meta.url)), [JSON.stringify(task)], FORK_OPTIONS)
    const connected = Promise.withResolvers<void>()
    this.connected = connected.promise
    this.#child.on('message', (news: OfferNews) => {
      if (news.is === 'connected') connected.resolve()
      else if (news.is === 'totals') this.#totals.resolve(news.totals)
      else if (news.is === 'health') this.health.push(news)
      else this.memory.add(news)
    })
    this.#exited = once(this.#child, 'exit').then(([code, signal]: unknown[]) => {
      const error = new Error(`the offering process ended with ${signal ?? `code ${code}`}`)
      connected.reject(error)
      this.#totals.reject(error)
    })
    for (const promise of [this.connected, this.#totals.promise]) promise.catch(() => undefined)
  }

  /** Lets it offer no more. @throws Error if it ends before everything has settled */
  async finish(): Promise<OfferTotals> {
    const order: OfferOrder = 'finish'
    this.#child.send(order)
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS)
    try {
      return await this.#totals.promise
    } finally {
      clearTimeout(force)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}
