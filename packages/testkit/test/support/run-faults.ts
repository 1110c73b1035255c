import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/fault-run/main.ts', import.meta.url))

export interface FinishedRun {
  readonly code: number | null
  /** The last line of its output, parsed. */
  readonly report: Readonly<Record<string, unknown>>
  /** What it said meanwhile, and why it failed. */
  readonly log: string
}

/** Runs `pnpm faults` with these words, as a person does; a run that takes longer than `limitMs` is killed. */
export async function runFaults(words: string, limitMs: number): Promise<FinishedRun> {
  const child = spawn(process.execPath, ['--expose-gc', '--conditions=@comm/source', MAIN, ...words.split(' ')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  })
  const [output, log, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const last = output.trimEnd().split('\n').at(-1) ?? ''
  return { code, report: last.startsWith('{') ? JSON.parse(last) : {}, log }
}
