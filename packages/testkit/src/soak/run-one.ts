import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { MEMORY_MEASURED } from '../fault-run/fork-options.ts'
import { LEAK_REQUESTS, LOG_STALL_MS } from './runs.ts'

const FAULTS = fileURLToPath(new URL('../fault-run/main.ts', import.meta.url))
const JEST = fileURLToPath(new URL('../../../../.ci/jest.ts', import.meta.url))
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

/** Runs one of `SOAK_RUNS` in a process of its own. */
export async function runOne(words: string): Promise<FinishedRun> {
  const startedAt = performance.now()
  const child = start(words.split(' '))
  const [output, log, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const result = lastLine(output) || lastLine(log) || 'said nothing'
  return { words, passed: code === 0, seconds, result, log }
}

type Piped = ChildProcess & {
  readonly stdout: NonNullable<ChildProcess['stdout']>
  readonly stderr: NonNullable<ChildProcess['stderr']>
}

function start([command = '', ...words]: readonly string[]): Piped {
  const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL' } as const
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  if (command === 'faults')
    return spawn(process.execPath, [...MEMORY_MEASURED, '--conditions=@comm/source', FAULTS, ...words], { ...options, stdio })
  const test = testOf(command, words)
  const long = {
    COMM_TEST_LONG: '1',
    COMM_TEST_LEAK_REQUESTS: String(LEAK_REQUESTS),
    COMM_TEST_LOG_STALL_MS: String(LOG_STALL_MS),
  }
  return spawn(process.execPath, [JEST, ...test], { ...options, env: { ...process.env, ...long }, stdio })
}

/** What Jest is called with. */
function testOf(command: string, [over = '']: readonly string[]): readonly string[] {
  switch (command) {
    case 'logs':
      return ['--selectProjects', 'integration', '--', 'packages/logging/test/integration/stalled']
    case 'stream':
      return ['--selectProjects', 'unit', '-t', 'in flat memory', '--', `packages/${over}/test/streaming`]
    default:
      return ['--selectProjects', 'unit', '-t', `over ${over}`, '--', 'packages/http/test/leak']
  }
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? ''
}
