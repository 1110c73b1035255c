import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Outside the repository, so that every checkout shares what was downloaded; `COMM_TEST_CACHE` moves it. */
export async function cacheFolder(): Promise<string> {
  const folder =
    process.env['COMM_TEST_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'comm-testkit')
  await mkdir(folder, { recursive: true })
  return folder
}
