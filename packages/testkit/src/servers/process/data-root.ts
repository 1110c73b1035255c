import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'

const SHARED_MEMORY = '/dev/shm'
const ROOM_BYTES = 4 * 2 ** 30

/**
 * Where servers keep their data: in memory where Linux has room for it, so that nobody waits for another's writes to a slow disk. What a
 * killed process has written is there either way; only a power cut would tell the two apart. `TMPDIR` says otherwise.
 */
export async function dataRoot(): Promise<string> {
  if (process.env['TMPDIR']) return tmpdir()
  const room = await statfs(SHARED_MEMORY).catch(() => undefined)
  return room !== undefined && room.bavail * room.bsize >= ROOM_BYTES ? SHARED_MEMORY : tmpdir()
}
