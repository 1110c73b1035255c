import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from '@jest/globals'

const LINES = 10_000
/** Processes take their time on a busy machine. */
const TIMEOUT_MS = 180_000
const folder = mkdtempSync(join(tmpdir(), 'comm-logging-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const LIFECYCLE = 'a lifecycle that stops on SIGTERM'
/** How a process may end right after its last line. */
const ENDS = {
  'process.exit': 'process.exit(0)',
  SIGTERM: "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)",
  SIGINT: "process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 1000)",
  [LIFECYCLE]: "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)",
  'an uncaught exception': "throw new Error('uncaught')",
  'an unhandled rejection': "Promise.reject(new Error('unhandled')); await new Promise((resolve) => setTimeout(resolve, 5000))",
  'nothing left to do': '',
}
type End = keyof typeof ENDS

/** Nothing can run after it, so only what its sink has taken at once is safe. */
const KILL = "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)"

const RUN = '"$0" --conditions=@comm/source --input-type=module --eval "$1"'
const SLOW_READER = '{ sleep 0.2; cat; }'

interface Sink {
  /** `$0` is Node, `$1` the program, everything has to arrive in the file `$2`. */
  readonly shell: string
  /** What the program did before: using `process.stdout` makes a pipe non-blocking. */
  readonly before: string
  readonly options: string
}

const FILE: Sink = { shell: `${RUN} > "$2"`, before: '', options: '' }
const FILE_DESTINATION: Sink = {
  shell: `LOG_FILE="$2" ${RUN}`,
  before: '',
  options: 'destination: { file: process.env.LOG_FILE }',
}
const SLOW_PIPE = 'standard output, a pipe whose reader is slow'
const SINKS: Readonly<Record<string, Sink>> = {
  'standard output, a file': FILE,
  [SLOW_PIPE]: { shell: `${RUN} | ${SLOW_READER} > "$2"`, before: '', options: '' },
  'standard output, a non-blocking pipe whose reader is slow': {
    shell: `${RUN} | ${SLOW_READER} > "$2"`,
    before: "console.log('{}')",
    options: '',
  },
  'a file of its own': FILE_DESTINATION,
  'a named pipe whose reader is slow': {
    shell: `mkfifo "$2.fifo"; ${SLOW_READER} < "$2.fifo" > "$2" & LOG_FILE="$2.fifo" ${RUN}; wait`,
    before: '',
    options: 'destination: { file: process.env.LOG_FILE }',
  },
}

let files = 0
async function numbersOf({ shell, before, options }: Sink, end: string): Promise<readonly number[]> {
  files += 1
  const file = join(folder, `${files}.log`)
  const program = `
    import { Lifecycle, stopOnSignals } from '@comm/core'
    import { createLogger } from '@comm/logging'
    ${before}
    const logger = createLogger({ flushMs: 20_000, ${options} })
    const lifecycle = () => {
      const life = new Lifecycle()
      life.add({ name: 'logger', close: () => logger.close() })
      stopOnSignals(life)
    }
    for (let line = 0; line < ${LINES}; line += 1) logger.info('line', { line })
    ${end}`
  const env = { PATH: process.env.PATH }
  await promisify(execFile)('sh', ['-c', `{ ${shell}; } 2>/dev/null || true`, process.execPath, program, file], {
    cwd: import.meta.dirname,
    env,
  })
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as { readonly line?: number }).flatMap(({ line }) => line ?? [])
}

/** A process takes a second to start: the ends that differ only in what Node does are tried where a flush is needed most. */
const EVERYWHERE: readonly End[] = ['process.exit', 'SIGTERM', 'an uncaught exception']

describe.each(Object.entries(SINKS))(`${LINES} lines into %s`, (name, sink) => {
  it.each(name === SLOW_PIPE ? (Object.keys(ENDS) as End[]) : EVERYWHERE)(
    'all arrive when the process ends by %s',
    async (end) => {
      const numbers = await numbersOf(sink, end === LIFECYCLE ? `lifecycle(); ${ENDS[end]}` : ENDS[end])
      expect(numbers).toHaveLength(LINES)
      expect(numbers.every((line, index) => line === index)).toBe(true)
    },
    TIMEOUT_MS,
  )
})

describe.each(Object.entries({ 'standard output, a file': FILE, 'a file of its own': FILE_DESTINATION }))('%s', (_sink, sink) => {
  it('has every line even after SIGKILL', async () => expect(await numbersOf(sink, KILL)).toHaveLength(LINES), TIMEOUT_MS)
})

describe('a signal', () => {
  it(
    'still ends the process as that signal does, after the flush',
    async () => {
      const file = join(folder, 'signal.log')
      const program = `
        import { writeFileSync } from 'node:fs'
        import { createLogger } from '@comm/logging'
        const logger = createLogger({ flushMs: 20_000 })
        for (let line = 0; line < ${LINES}; line += 1) logger.info('line', { line })
        if (process.listenerCount('SIGTERM') !== 1) throw new Error('nothing waits')
        writeFileSync(${JSON.stringify(`${file}.go`)}, '')
        process.kill(process.pid, 'SIGTERM')
        setInterval(() => {}, 1000)`
      // 128 + 15 is SIGTERM.
      const command = `{ ${RUN}; echo "$?" >&3; } 3>&2 | { while [ ! -e "$2.go" ]; do sleep 0.1; done; cat > "$2"; }`
      const { stderr } = await promisify(execFile)('sh', ['-c', command, process.execPath, program, file], {
        cwd: import.meta.dirname,
      })
      expect(stderr.trim().split('\n').at(-1)).toBe('143')
      expect(readFileSync(file, 'utf8').split('\n').filter(Boolean)).toHaveLength(LINES)
    },
    TIMEOUT_MS,
  )
})

describe('a signal that comes in the moment in which the last line leaves', () => {
  it(
    'ends the process too',
    async () => {
      const file = join(folder, 'moment.log')
      const program = `
        import { writeFileSync } from 'node:fs'
        import { createLogger } from '@comm/logging'
        const logger = createLogger({ flushMs: 20_000 })
        for (let line = 0; line < ${LINES}; line += 1) logger.info('line', { line })
        writeFileSync(${JSON.stringify(`${file}.go`)}, '')
        process.kill(process.pid, 'SIGTERM')
        // Before the event loop sees the signal, nothing waits any more.
        while (logger.stats().bufferedBytes > 0) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
          void logger.flush()
        }
        setInterval(() => {}, 1000)`
      const command = `{ ${RUN}; echo "$?" >&3; } 3>&2 | { while [ ! -e "$2.go" ]; do sleep 0.1; done; cat > "$2"; }`
      const { stderr } = await promisify(execFile)('sh', ['-c', command, process.execPath, program, file], {
        cwd: import.meta.dirname,
      })
      expect(stderr.trim().split('\n').at(-1)).toBe('143')
      expect(readFileSync(file, 'utf8').split('\n').filter(Boolean)).toHaveLength(LINES)
    },
    TIMEOUT_MS,
  )
})

describe('a reader that goes away', () => {
  it(
    'costs the lines, not the process',
    async () => {
      const program = `
      import { createLogger } from '@comm/logging'
      const logger = createLogger()
      for (let line = 0; line < ${LINES}; line += 1) logger.info('line', { line })
      await logger.flush()
      process.stderr.write('survived')`
      const command = '{ "$0" --conditions=@comm/source --input-type=module --eval "$1" | head -n 1; } 2>&1'
      const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, program], { cwd: import.meta.dirname })
      expect(stdout).toContain('survived')
      expect(stdout).toMatch(/COMM_LOG_LOST.*log lines are lost, standard output failed: .*EPIPE/)
    },
    TIMEOUT_MS,
  )
})
