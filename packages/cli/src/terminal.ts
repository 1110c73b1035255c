import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'

/** What a command talks with. In place of a process it may be anything that has streams. */
export interface CliIo {
  /** @default process.stdin */
  readonly stdin?: Readable & { readonly isTTY?: boolean }
  /** Data, and nothing else. @default process.stdout */
  readonly stdout?: Writable
  /** What is said to people. @default process.stderr */
  readonly stderr?: Writable
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Ends the command, as Ctrl-C does. @default never */
  readonly signal?: AbortSignal
}

/** Writes data to one stream and talk to the other, and knows when there is no use in going on. */
export class Terminal implements Disposable {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** Aborts on Ctrl-C, and when nobody reads the data any more (`comm tail … | head -1`). */
  readonly stop: AbortSignal
  readonly #stdout: Writable
  readonly #stderr: Writable
  readonly #reader = new AbortController()
  readonly #readerLeft = (): void => this.#reader.abort()

  constructor({ stdin = process.stdin, stdout = process.stdout, stderr = process.stderr, signal }: CliIo) {
    this.stdin = stdin
    this.#stdout = stdout
    this.#stderr = stderr
    this.stop = signal === undefined ? this.#reader.signal : AbortSignal.any([signal, this.#reader.signal])
    stdout.on('error', this.#readerLeft)
    stderr.on('error', ignore)
  }

  /** Nobody reads the data any more. */
  get isReaderGone(): boolean {
    return this.#reader.signal.aborted
  }

  /** One line of data. Resolves when there is room for more, or no use in it. */
  async print(line: string): Promise<void> {
    if (this.isReaderGone || this.#stdout.write(`${line}\n`)) return
    await once(this.#stdout, 'drain', { signal: this.stop }).catch(ignore)
  }

  /** One line for people. */
  say(line: string): void {
    this.#stderr.write(`${line}\n`)
  }

  /** Asks a person. @returns what was typed; empty when the input ended or the command was stopped */
  async ask(question: string): Promise<string> {
    const lines = createInterface({ input: this.stdin, output: this.#stderr })
    try {
      const ended = once(lines, 'close').then(() => '')
      return await Promise.race([lines.question(question, { signal: this.stop }), ended])
    } catch {
      return ''
    } finally {
      lines.close()
    }
  }

  [Symbol.dispose](): void {
    this.#stdout.off('error', this.#readerLeft)
    this.#stderr.off('error', ignore)
  }
}

function ignore(): void {}
