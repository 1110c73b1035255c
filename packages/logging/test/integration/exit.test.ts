import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from '@jest/globals'

const LINES = 10_000
/** Processes take their time on a busy machine. */
const TIMEOUT_MS = 30_000
const folder = mkdtempSync(join(tmpdir(), 'comm-logging-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** How a process may end right after its last line. */
const ENDS = {
  'process.exit': 'process.exit(0)',
  SIGTERM: "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)",
  SIGKILL: "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)",
  'an uncaught exception': "throw new Error('uncaught')",
}

const RUN = '"$0" --conditions=@comm/source --input-type=module --eval "$1"'
const SLOW_READER = '{ sleep 0.2; cat; }'

/**
 * Where standard output goes (`$0` is Node, `$1` the program, everything has to arrive in the file `$2`), and what the program did
 * before: using `process.stdout` makes a pipe non-blocking.
 */
const SINKS = {
  'a file': { shell: `${RUN} > "$2"`, before: '' },
  'a pipe whose reader is slow': { shell: `${RUN} | ${SLOW_READER} > "$2"`, before: '' },
  'a non-blocking pipe whose reader is slow': { shell: `${RUN} | ${SLOW_READER} > "$2"`, before: "console.log('{}')" },
}

let files = 0
async function linesOf({ shell, before }: (typeof SINKS)[keyof typeof SINKS], end: string): Promise<string[]> {
  files += 1
  const file = join(folder, `${files}.log`)
  const program = `
    import { createLogger } from '@comm/logging'
    ${before}
    const logger = createLogger()
    for (let line = 0; line < ${LINES}; line += 1) logger.info('line', { line })
    ${end}`
  const env = { PATH: process.env.PATH }
  await promisify(execFile)('sh', ['-c', `{ ${shell}; } 2>/dev/null || true`, process.execPath, program, file], {
    cwd: import.meta.dirname,
    env,
  })
  return readFileSync(file, 'utf8').split('\n').filter(Boolean)
}

describe.each(Object.entries(SINKS))(`${LINES} lines into %s`, (_sink, sink) => {
  it.each(Object.entries(ENDS))(
    'all arrive when the process ends by %s',
    async (_end, end) => {
      const lines = await linesOf(sink, end)
      const numbers = lines.map((line) => JSON.parse(line) as { readonly line?: number }).flatMap(({ line }) => line ?? [])
      expect(numbers).toHaveLength(LINES)
      expect(numbers.every((line, index) => line === index)).toBe(true)
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
      process.stderr.write('survived')`
      const command = '{ "$0" --conditions=@comm/source --input-type=module --eval "$1" | head -n 1; } 2>&1'
      const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, program], { cwd: import.meta.dirname })
      expect(stdout).toContain('survived')
      expect(stdout).toMatch(/COMM_LOG_LOST.*log lines are lost, standard output failed: .*EPIPE/)
    },
    TIMEOUT_MS,
  )
})
