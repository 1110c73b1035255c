import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@comm/testkit'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommOptions {
  readonly env?: Readonly<Record<string, string>>
  /** @default nothing, and its end */
  readonly stdin?: string
  /** Of Node itself. */
  readonly nodeOptions?: readonly string[]
}

/** The real command, as a process of its own. */
export class Comm implements AsyncDisposable {
  readonly child: ChildProcess
  readonly #ended: Promise<Ended>
  stdout = ''
  stderr = ''

  constructor(words: readonly string[], { env = {}, stdin = '', nodeOptions = [] }: CommOptions = {}) {
    const args = ['--conditions=@comm/source', '--disable-warning=ExperimentalWarning', ...nodeOptions, MAIN, ...words]
    // Nothing of the environment of the tests but what a program needs.
    const { PATH = '' } = process.env
    this.child = spawn(process.execPath, args, { cwd: ROOT, env: { PATH, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += String(chunk)
    })
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += String(chunk)
    })
    this.child.stdin?.on('error', () => undefined)
    this.child.stdin?.end(stdin)
    this.#ended = once(this.child, 'close').then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }))
  }

  get ended(): Promise<Ended> {
    return this.#ended
  }

  async says(text: string): Promise<void> {
    const what = `${JSON.stringify(text)} on stderr`
    await waitFor(() => this.stderr.includes(text), { what }).catch((error: Error) => {
      throw new Error(`${error.message}; got ${this.stderr}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#ended
  }
}

export async function comm(words: readonly string[], options: CommOptions = {}): Promise<Ended> {
  return new Comm(words, options).ended
}

/** The lines of data, each parsed. */
export function jsonLines({ stdout }: Ended): readonly Readonly<Record<string, unknown>>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
