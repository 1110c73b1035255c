import { join } from 'node:path'
import { debianFolder } from '../install/debian.ts'
import { commandOnPath } from './path.ts'

/**
 * The file of a small program: clients of another make, for tests of what goes over the wire (`amqp-publish` of `amqp-tools`, `kcat`).
 * On the path, or out of a Debian package that is unpacked into the cache.
 *
 * @param folder where the package has it
 * @throws Error if it is neither on the path nor to be had
 */
export async function findTool(command: string, debianPackage: string = command, folder: string = 'usr/bin'): Promise<string> {
  return (await commandOnPath(command)) ?? join(await debianFolder('debian12', debianPackage), folder, command)
}
