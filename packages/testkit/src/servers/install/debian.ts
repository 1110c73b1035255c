import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { DEBIAN_SUITES } from './debian-release.ts'
import { execute } from './execute.ts'
import { installOnce, lock } from './install-once.ts'
import { makeRelocatable } from './relocate.ts'

const MIRROR = 'http://deb.debian.org/debian'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
/** Documentation is most of the files, and nobody reads it here. */
const LEFT_OUT = ['./usr/share/doc', './usr/share/man', './usr/share/locale', './usr/share/info']

/**
 * A folder with a Debian package and all it depends on, its C library included. Nothing is installed into the system, no root is
 * needed, no service is started, and the release need not be the machine's own: apt works on lists and a package database of its
 * own, the packages are only unpacked, and their programs are patched to run from where they are.
 *
 * @returns the root of the folder, to look for `usr/bin/…` in
 * @throws Error if apt is missing or refuses
 */
export async function debianFolder(release: keyof typeof DEBIAN_SUITES, packageName: string): Promise<string> {
  const home = join(await cacheFolder(), release)
  const target = join(home, packageName)
  if (existsSync(target)) return target
  if (!existsSync(KEYRING)) throw new Error(`${KEYRING} is missing: this is no Debian`)
  await mkdir(home, { recursive: true })
  await installOnce(target, async (work) => {
    // The packages of one release share apt's lists.
    const unlock = await lock(join(home, 'apt.lock'))
    try {
      await unpack(release, packageName, join(home, 'apt'), work)
    } finally {
      await unlock()
    }
    await makeRelocatable(work, target)
  })
  return target
}

async function unpack(release: keyof typeof DEBIAN_SUITES, packageName: string, apt: string, work: string): Promise<void> {
  const archives = join(apt, 'cache/archives')
  for (const folder of ['lists/partial', 'cache/archives/partial', 'parts']) await mkdir(join(apt, folder), { recursive: true })
  const mirror = process.env['COMM_TEST_DEBIAN_MIRROR'] ?? MIRROR
  await writeFile(join(apt, 'sources.list'), `deb [signed-by=${KEYRING}] ${mirror} ${DEBIAN_SUITES[release]} main\n`)
  await writeFile(join(apt, 'status'), '')
  const options = {
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': join(apt, 'parts'),
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::State::status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'Debug::NoLocking': 'true',
  }
  const common = ['-qq', ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`])]
  await execute('apt-get', [...common, 'update'])
  await execute('apt-get', [...common, 'install', '--yes', '--download-only', 'patchelf', packageName])
  const packages = (await readdir(archives)).filter((file) => file.endsWith('.deb'))
  const untar = `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink ${LEFT_OUT.map((path) => `--exclude ${path}`).join(' ')}`
  for (const file of packages) await execute('/bin/sh', ['-c', untar, 'unpack', join(archives, file), work])
  await rm(join(apt, 'cache'), { recursive: true, force: true })
}
