import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { Ready } from '@comm/bench/area'

export type SinkName = 'nothing' | 'file'

/** What both log: a line of a service about a request. */
export function fieldsOf(line: number): Readonly<Record<string, unknown>> {
  return { orderId: line, customer: { name: 'Ada', tier: 'gold' }, amount: 12.5, path: '/orders/:id', status: 200 }
}

export interface LogBench {
  log(line: number): void
  /** Everything has been given to the sink. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface Sinks {
  /** Counts the lines and forgets them. */
  readonly stream: Writable & { lines: number }
  readonly file: string
}

/** Runs the lines in a plain loop: a promise for each would cost more than a disabled line. */
export function linesBench(enabled: boolean, sink: SinkName, make: (sinks: Sinks) => LogBench): Ready {
  const folder = mkdtempSync(join(tmpdir(), 'comm-bench-logging-'))
  const file = join(folder, 'lines.log')
  const stream = Object.assign(
    new Writable({
      write(chunk: Uint8Array, _encoding, next) {
        // A flush writes nothing, and is called back after all before it.
        if (chunk.length > 0) stream.lines += 1
        next()
      },
    }),
    { lines: 0 },
  )
  const bench = make({ stream, file })
  return {
    async verify() {
      for (let line = 0; line < 10; line += 1) bench.log(line)
      await bench.flush()
      const seen = sink === 'file' ? readFileSync(file, 'utf8').split('\n').length - 1 : stream.lines
      if (seen !== (enabled ? 10 : 0)) throw new Error(`${seen} lines were written`)
    },
    async run(operations, stopwatch) {
      stopwatch.start()
      for (let line = 0; line < operations; line += 1) bench.log(line)
      await bench.flush()
      stopwatch.stop()
    },
    async close() {
      await bench.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
