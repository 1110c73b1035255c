import { closeSync, constants, fstatSync, mkdirSync, openSync, type Stats, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, CommunicationError, ConfigurationError } from '@comm/core'
import { unblockedDescriptor } from './descriptor.ts'

/** Hands bytes to the operating system, at once. */
export interface Outlet {
  /** Completes `log lines are lost, … failed`. */
  readonly name: string
  /** @returns how many bytes it took; 0 when it takes none for now. @throws when it never will again */
  write(bytes: Uint8Array): number
  close(): void
}

/** A reader that is behind, a full disk, a quota: it may pass. */
const PASSING: ReadonlySet<unknown> = new Set(['EAGAIN', 'EINTR', 'ENOSPC', 'EDQUOT', 'EIO', 'ENOBUFS', 'ENOMEM'])

function writeSome(descriptor: number, bytes: Uint8Array): number {
  try {
    return writeSync(descriptor, bytes)
  } catch (thrown) {
    if (PASSING.has((thrown as NodeJS.ErrnoException).code)) return 0
    throw thrown
  }
}

export function standardOutput(): Outlet {
  const descriptor = unblockedDescriptor(1)
  return {
    name: 'standard output',
    write: (bytes) => writeSome(descriptor, bytes),
    close() {
      if (descriptor !== 1) closeSync(descriptor)
    },
  }
}

/** How long lines may go to a file that was renamed or removed. */
const LOOK_AGAIN_MS = 1000
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** Its readers may come and go: as a reader of it ourselves we can open it before them, and lines wait in it for the next. */
const FLAGS_OF_PIPE = constants.O_RDWR | constants.O_NONBLOCK
/** What a log holds is not for everybody on the machine. */
const MODE = 0o640

/** Appends to a file; one that `logrotate` or somebody else has moved away is made anew within a second. */
export function fileOutlet(path: string, clock: Clock): Outlet {
  let descriptor = openFile(path)
  let own = fstatSync(descriptor)
  let lookAt = clock.now() + LOOK_AGAIN_MS
  const follow = (): void => {
    lookAt = clock.now() + LOOK_AGAIN_MS
    const there = statSync(path, { throwIfNoEntry: false })
    if (there !== undefined && isSame(there, own)) return
    try {
      const opened = openFile(path)
      closeSync(descriptor)
      descriptor = opened
      own = fstatSync(descriptor)
    } catch {
      // The folder is gone, or we may not write there any more: the old file is better than none.
    }
  }
  return {
    name: `the file ${path}`,
    write(bytes) {
      if (clock.now() >= lookAt) follow()
      return writeSome(descriptor, bytes)
    },
    close: () => closeSync(descriptor),
  }
}

function openFile(path: string): number {
  mkdirSync(dirname(path), { recursive: true })
  return openSync(path, isNamedPipe(path) ? FLAGS_OF_PIPE : FLAGS, MODE)
}

function isNamedPipe(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

/** @throws ConfigurationError when nothing can be appended to the file */
export function checkFile(key: string, path: string): void {
  try {
    // A reader of a pipe would take this for its end.
    if (!isNamedPipe(path)) closeSync(openFile(path))
  } catch (cause) {
    const expected = 'a file that this process may append to'
    const received = `'${path}' (${CommunicationError.from(cause).message})`
    throw new ConfigurationError(`${key} must be ${expected}, got ${received}`, {
      cause,
      problems: [{ key, expected, received }],
    })
  }
}
