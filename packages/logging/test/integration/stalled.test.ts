import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from '@jest/globals'

/** How long a sink stalls at least: no time in the short form, 30 s in `pnpm soak`. */
const STALL_MS = Number(process.env['COMM_TEST_LOG_STALL_MS'] ?? 0)
const TIMEOUT_MS = 180_000 + 2 * STALL_MS
const folder = mkdtempSync(join(tmpdir(), 'comm-logging-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const RUN = '"$0" --expose-gc --conditions=@comm/source --input-type=module --eval "$1"'
const MIB = 1024 * 1024

/** Where the lines go whose reader reads nothing before the file `$2.go` is there. */
const SINKS = {
  'standard output, a pipe': { shell: `${RUN} | { while [ ! -e "$2.go" ]; do sleep 0.1; done; cat; } > "$2"`, options: '' },
  'a named pipe': {
    shell: `mkfifo "$2.fifo"; { while [ ! -e "$2.go" ]; do sleep 0.1; done; cat; } < "$2.fifo" > "$2" & LOG_FILE="$2.fifo" ${RUN}; wait`,
    options: 'destination: { file: process.env.LOG_FILE },',
  },
}

/** At least: 40 MB of lines go to a sink that takes none of them. */
const STALL_LINES = 40_000

describe.each(Object.entries(SINKS))('%s that is stalled for a while', (name, { shell, options }) => {
  it(
    'costs bounded memory and no time; what is dropped is counted and said in a line; then all goes on',
    async () => {
      const file = join(folder, `${name}.log`)
      const program = `
        import { writeFileSync } from 'node:fs'
        import { createLogger } from '@comm/logging'
        const logger = createLogger({ ${options} maxBufferedBytes: ${2 * MIB}, flushMs: 20_000 })
        const text = 'x'.repeat(1000)
        const used = () => { gc(); const { heapUsed, arrayBuffers } = process.memoryUsage(); return heapUsed + arrayBuffers }
        logger.info('first', { line: -1 })
        const before = used()
        let slowest = 0
        const stalledAt = performance.now()
        let lines = 0
        for (; lines < ${STALL_LINES} || performance.now() - stalledAt < ${STALL_MS}; lines += 1) {
          const line = lines
          const startedAt = performance.now()
          logger.info(text, { line })
          slowest = Math.max(slowest, performance.now() - startedAt)
          if (line % 100 === 0) await new Promise(setImmediate)
        }
        const grown = used() - before
        const { dropped, bufferedBytes } = logger.stats()
        writeFileSync(${JSON.stringify(`${file}.go`)}, '')
        await logger.flush()
        logger.info('last', { line: lines })
        await logger.close()
        console.error(JSON.stringify({ grown, dropped, bufferedBytes, slowest, lines }))`
      const { stderr } = await promisify(execFile)('sh', ['-c', shell, process.execPath, program, file], {
        cwd: import.meta.dirname,
      })
      const seen = JSON.parse(stderr) as Record<'grown' | 'dropped' | 'bufferedBytes' | 'slowest' | 'lines', number>
      expect(seen.dropped).toBeGreaterThan(seen.lines * 0.9)
      expect(seen.bufferedBytes).toBeGreaterThan(MIB)
      expect(seen.bufferedBytes).toBeLessThanOrEqual(2 * MIB)
      expect(seen.grown).toBeLessThan(8 * MIB)
      const lines = readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { message: string; line?: number; droppedLines?: number })
      const reported = lines.reduce((sum, { droppedLines = 0 }) => sum + droppedLines, 0)
      expect(reported).toBe(seen.dropped)
      const numbers = lines.flatMap(({ line }) => line ?? [])
      expect(numbers).toHaveLength(seen.lines + 2 - seen.dropped)
      expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
      expect(lines.at(-1)?.message).toBe('last')
    },
    TIMEOUT_MS,
  )
})

describe('a reader that never reads again', () => {
  it(
    'makes the exit wait for flushMs and no longer, and what is lost is said',
    async () => {
      const program = `
        import { createLogger } from '@comm/logging'
        const logger = createLogger({ flushMs: 500 })
        for (let line = 0; line < 10_000; line += 1) logger.info('line', { line })
        const startedAt = performance.now()
        process.on('exit', () => process.stderr.write(String(Math.round(performance.now() - startedAt)) + ' ms'))
        process.exit(0)`
      const child = spawn(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', program], {
        cwd: import.meta.dirname,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      // Nobody listens to 'data': nothing is read but what the stream takes ahead.
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => {
        said += String(chunk)
      })
      const code = await new Promise((resolve) => child.once('exit', resolve))
      child.stdout.destroy()
      expect(code).toBe(0)
      const [, lost = ''] = /\(COMM_LOG_LOST\) (\d+) log lines are lost: standard output took none for 500 ms/.exec(said) ?? []
      expect(Number(lost)).toBeGreaterThan(1000)
      const [, ms = ''] = /(\d+) ms$/.exec(said) ?? []
      expect(Number(ms)).toBeGreaterThanOrEqual(500)
      expect(Number(ms)).toBeLessThan(5000)
    },
    TIMEOUT_MS,
  )
})
