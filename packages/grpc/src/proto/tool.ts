import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigurationError } from '@comm/core'

/** What a tool said, when it did not do what was asked. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure'
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/**
 * Where a command of an optional peer is: looked for from the folder that is worked on, then beside this package.
 * @throws ConfigurationError COMM_PACKAGE_MISSING with the command that installs it
 */
export function toolPath(packageName: string, file: string, from: string): string {
  for (const base of [pathToFileURL(join(from, 'x')).href, import.meta.url]) {
    try {
      return join(dirname(createRequire(base).resolve(`${packageName}/package.json`)), file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  const message = `${packageName} is needed by comm-proto and is not installed; run: npm install --save-dev ${packageName}`
  throw new ConfigurationError(message, { code: 'COMM_PACKAGE_MISSING', details: { package: packageName } })
}

/**
 * Runs buf in a folder; it has no need of a network.
 * @returns what it printed
 * @throws ToolFailure with what it complained about
 */
export function buf(folder: string, args: readonly string[]): Promise<string> {
  const path = toolPath('@bufbuild/buf', 'bin/buf', folder)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let complaints = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new ToolFailure(`buf ${args[0]} in ${folder}:\n${(out + complaints).trim()}`, code ?? 1))
    })
  })
}
