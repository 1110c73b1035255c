import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const FAULTS = fileURLToPath(new URL('../fault-run/main.ts', import.meta.url))
/** Several times what any run takes on two cores. */
const LIMIT_MS = 900_000

export interface FinishedRun {
  readonly words: string
  readonly passed: boolean
  readonly seconds: number
  /** Its report; or the last that it said, where there is none. */
  readonly result: string
  /** Everything that it said. */
  readonly log: string
}

/** Runs `pnpm faults` with these words, in a process of its own. */
export async function runOne(words: string): Promise<FinishedRun> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--expose-gc', '--conditions=@comm/source', FAULTS, ...words.split(' ')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const [output, log, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const result = lastLine(output) || lastLine(log) || 'said nothing'
  return { words, passed: code === 0, seconds, result, log }
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}
