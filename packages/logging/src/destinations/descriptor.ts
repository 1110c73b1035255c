import { constants, fstatSync, openSync } from 'node:fs'

/**
 * A descriptor for standard output (1) or standard error (2) on which a write does not wait for a reader that is behind, but fails with
 * EAGAIN. A terminal or a file is taken as it is.
 */
export function unblockedDescriptor(standard: 1 | 2): number {
  const kind = fstatSync(standard)
  if (kind.isFIFO()) {
    try {
      // A description of our own: that of the others who write to this pipe stays as it is.
      return openSync(`/proc/self/fd/${standard}`, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch {
      // No Linux.
    }
  }
  // Node makes the descriptor non-blocking when its stream is made.
  if (kind.isFIFO() || kind.isSocket()) void (standard === 1 ? process.stdout : process.stderr).writable
  return standard
}
