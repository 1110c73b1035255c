import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Where Debian puts servers, which are not on everybody's path. */
const ALSO = ['/usr/sbin', '/usr/local/sbin']

/** The file of a command on the path, or undefined. */
export async function commandOnPath(command: string): Promise<string | undefined> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...ALSO]) {
    if (folder !== '' && (await isExecutable(join(folder, command)))) return join(folder, command)
  }
  return undefined
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}
