import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** How a handling ended. `busy` and `done`: it never began, because another one holds the message or has handled it. */
export type Ending = 'ok' | 'failed' | 'lost' | 'busy' | 'done'

/** What a producer or consumer has to tell. Times are microseconds of the machine's monotonic clock, the same for all processes. */
export type JournalEvent =
  | readonly ['offered' | 'confirmed' | 'buried', at: number, key: number, n: number]
  /** It asks whether it may handle the message. The number of the handling is unique within the journal. */
  | readonly ['asked' | 'begun', at: number, key: number, n: number, handling: number]
  | readonly ['ended', at: number, handling: number, how: Ending]

export interface Journal {
  write(event: JournalEvent): void
}

export function monotonicMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Synchronous, so that what was written survives the writer's death by SIGKILL. */
export class FileJournal implements Journal {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(event: JournalEvent): void {
    writeSync(this.#file, `${JSON.stringify(event)}\n`)
  }
}

const CHUNK_BYTES = 256 * 1024

/** Reads what has been added to a journal since it was read last. */
export class JournalReader {
  readonly #file: number
  readonly #chunk = Buffer.alloc(CHUNK_BYTES)
  #position = 0
  /** A line that was not complete yet. */
  #rest = ''

  constructor(path: string) {
    this.#file = openSync(path, 'a+')
  }

  read(onEvent: (event: JournalEvent) => void): void {
    for (;;) {
      const length = readSync(this.#file, this.#chunk, 0, CHUNK_BYTES, this.#position)
      if (length === 0) return
      this.#position += length
      const lines = (this.#rest + this.#chunk.toString('latin1', 0, length)).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) onEvent(JSON.parse(line) as JournalEvent)
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}
