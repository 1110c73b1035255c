import { lstat, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { execute } from './execute.ts'

const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1')
const EXECUTABLE_BITS = 0o111

/**
 * Makes the programs of an unpacked Debian folder run outside `/`: each is told to use the folder's own loader and libraries,
 * whatever C library the machine has, and scripts that name `/usr/lib/erlang` name its place in the folder instead.
 *
 * @param root where the folder is now
 * @param final where it will be
 */
export async function makeRelocatable(root: string, final: string): Promise<void> {
  // With types, the walk does not follow links, some of which lead out of the folder.
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries.map((entry) => relative(root, join(entry.parentPath, entry.name)))
  const library = paths.find((path) => path.endsWith('/libc.so.6'))?.slice(0, -'/libc.so.6'.length)
  // The loader beside the C library; the one in lib64 is a link that may lead out of the folder.
  const loader = paths.find((path) => path.startsWith(`${library}/ld-linux`))
  if (library === undefined || loader === undefined) throw new Error(`${root} has no C library`)
  const inUsr = `usr/${library.replace(/^usr\//, '')}`
  const folders = [...new Set([library, inUsr])]
  const searchPath = (at: string) => folders.map((path) => join(at, path)).join(':')

  const programs: string[] = []
  for (const path of paths.filter(mayBeProgram)) {
    const file = join(root, path)
    const kind = await kindOf(file)
    if (kind === 'program') programs.push(file)
    if (kind === 'script') await moveErlang(file, final)
  }
  const patch = ['--set-interpreter', join(final, loader), '--force-rpath', '--set-rpath', searchPath(final)]
  for (const program of programs) {
    const run = ['--library-path', searchPath(root), join(root, 'usr/bin/patchelf'), ...patch, program]
    await execute(join(root, loader), run)
  }
}

/**
 * Not the basic tools that came along only because something depends on them, nor patchelf, which is running. Nor Consul: Debian
 * 11's patchelf breaks it, and it needs nothing but a C library, of which any newer one serves.
 */
function mayBeProgram(path: string): boolean {
  return /^usr\/s?bin\/(redis|etcd|amqp-|kcat|dnsmasq|nginx|haproxy)/.test(path) || /^usr\/lib\/erlang\/.*\bbin\//.test(path)
}

async function kindOf(file: string): Promise<'program' | 'script' | undefined> {
  const found = await lstat(file)
  if (!found.isFile() || (found.mode & EXECUTABLE_BITS) === 0) return undefined
  const handle = await open(file)
  try {
    const { buffer } = await handle.read(Buffer.alloc(ELF_MAGIC.length), 0, ELF_MAGIC.length)
    if (buffer.equals(ELF_MAGIC)) return 'program'
    return buffer.toString('latin1').startsWith('#!') ? 'script' : undefined
  } finally {
    await handle.close()
  }
}

async function moveErlang(script: string, final: string): Promise<void> {
  const text = await readFile(script, 'utf8')
  await writeFile(script, text.replaceAll('/usr/lib/erlang', join(final, 'usr/lib/erlang')))
}
