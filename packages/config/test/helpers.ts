import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigurationError } from '@comm/core'
import { afterAll } from '@jest/globals'

const folders: string[] = []

/** A folder with these files, which is gone after the tests of the file. */
export function folderWith(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'comm-config-'))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

/** One file in a folder of its own. */
export function fileWith(content: string, name = 'communication.yaml'): string {
  return join(folderWith({ [name]: content }), name)
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** The ConfigurationError that this throws. */
export function refused(act: () => unknown): ConfigurationError {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) return thrown
    throw thrown
  }
  throw new Error('it was accepted')
}
