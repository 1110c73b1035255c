import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { command } from '../check/command.ts'
import { parseImports } from '../check/imports.ts'
import { extractSnippets } from '../check/snippets-extract.ts'

const LIMIT_MS = 900_000
const PROGRAM = 'program.ts'
/** What compiles the program; a user has them, and they do not count. */
const TOOLS = ['typescript', '@types/node']

export interface Installed {
  /** Packages in `node_modules`, the asked ones included. */
  readonly packages: number
  readonly bytes: number
}

/** A project outside the workspace, as somebody has it who has just begun. */
export class BlankProject {
  readonly folder: string

  constructor(folder: string, npmrc: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, '.npmrc'), npmrc)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'blank', private: true, type: 'module' }))
    const compilerOptions = {
      target: 'es2024',
      module: 'nodenext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      // The declarations that we publish must hold by themselves.
      skipLibCheck: false,
      noEmit: true,
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [PROGRAM] }))
  }

  /** @param names as for `npm install` @throws Error with what npm said */
  async install(names: readonly string[]): Promise<Installed> {
    await this.#run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...names])
    const modules = join(this.folder, 'node_modules')
    return { packages: packagesIn(modules), bytes: bytesIn(modules) }
  }

  /** The first example of an installed package's README that runs. */
  exampleOf(name: string): string {
    const file = join(this.folder, 'node_modules', name, 'README.md')
    const snippet = extractSnippets(file, readFileSync(file, 'utf8')).snippets.find(({ runs }) => runs)
    if (snippet === undefined) throw new Error(`the README of ${name} has no example that runs`)
    return snippet.code
  }

  /** Compiles the program, then runs it. @throws Error with what the compiler or the program said */
  async run(code: string): Promise<void> {
    writeFileSync(join(this.folder, PROGRAM), code)
    await this.#run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', ...TOOLS])
    await this.#run(join(this.folder, 'node_modules/.bin/tsc'), ['-p', '.', '--pretty', 'false'])
    await this.#run(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM])
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    const { code, timedOut, output } = await command(program, args, { cwd: this.folder, limitMs: LIMIT_MS })
    const what = timedOut ? `was not done after ${LIMIT_MS / 1000} s` : 'failed'
    if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ${what}:\n${output.trim()}`)
  }
}

/** Packages that a program imports, without what Node has. */
export function importsOf(code: string): readonly string[] {
  const specifiers = parseImports(PROGRAM, code).map(({ specifier }) => specifier)
  const names = specifiers.filter((specifier) => !isBuiltin(specifier) && !specifier.startsWith('.')).map(packageOf)
  return [...new Set(names)]
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** Nested ones too. */
function packagesIn(modules: string): number {
  let count = 0
  for (const path of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (path.isFile() && path.name === 'package.json' && /node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path.parentPath)) count++
  }
  return count
}

function bytesIn(folder: string): number {
  let bytes = 0
  for (const path of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (path.isFile()) bytes += statSync(join(path.parentPath, path.name)).size
  }
  return bytes
}
