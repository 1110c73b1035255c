import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Contender, Environment, Work } from './area.ts'
import type { Answer, Answers, Request } from './protocol.ts'

/** A young generation that holds a whole batch, so that its heap growth is all that it allocated. */
const BYTES_NODE_OPTIONS = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128']

/** Rounds take less than a second; what takes so long hangs. */
const ANSWER_LIMIT_MS = 60_000

/** What is no concern of a bench: that types are stripped, and that kafkajs counts down to times that have passed. */
export const QUIET: readonly string[] = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning']

/** A contender in a process of its own, set up and verified. */
export class ContenderProcess implements AsyncDisposable {
  readonly contender: Contender
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>

  private constructor(contender: Contender, nodeOptions: readonly string[]) {
    this.contender = contender
    this.#child = fork(fileURLToPath(import.meta.resolve('./contender-main.ts')), {
      execArgv: [
        ...QUIET,
        ...(contender.built ? [] : ['--conditions=@comm/source']),
        ...nodeOptions,
        ...(contender.nodeOptions ?? []),
      ],
      // The table alone is written to standard output.
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    this.#exited = once(this.#child, 'exit')
    this.#exited.catch(() => {})
  }

  static async start(contender: Contender, work: Work, environment: Environment, forBytes: boolean): Promise<ContenderProcess> {
    const started = new ContenderProcess(contender, forBytes ? BYTES_NODE_OPTIONS : [])
    try {
      const input = { environment, parameters: contender.parameters ?? {}, inFlight: work.inFlight ?? 1 }
      await started.ask({ ask: 'setup', module: contender.module, input })
      return started
    } catch (error) {
      started.#child.kill('SIGKILL')
      throw error
    }
  }

  /** @throws Error naming the contender when it fails, gives no answer in time, or its process ends */
  ask<Ask extends Request['ask']>(request: Extract<Request, { ask: Ask }>): Promise<Answers[Ask]> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        clearTimeout(limit)
        reject(new Error(`${this.contender.name} failed at ${request.ask}: ${reason}`))
      }
      const limit = setTimeout(() => {
        fail(`it gave no answer within ${ANSWER_LIMIT_MS} ms`)
        this.#child.kill('SIGKILL')
      }, ANSWER_LIMIT_MS)
      const onExit = (code: number | null, signal: string | null): void => fail(`its process ended with ${signal ?? code}`)
      this.#child.once('exit', onExit)
      this.#child.once('message', (answer: Answer) => {
        clearTimeout(limit)
        this.#child.off('exit', onExit)
        if ('error' in answer) fail(answer.error)
        else resolve(answer.value as Answers[Ask])
      })
      this.#child.send(request, (error) => error && fail(error.message))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) {
      try {
        await this.ask({ ask: 'close' })
      } finally {
        if (this.#child.connected) this.#child.disconnect()
      }
    }
    await this.#exited
  }
}
