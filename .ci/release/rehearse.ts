// `pnpm release:rehearse`: a release of what is committed, to a private registry on this machine, and what users then do with it: in a
// blank project outside the workspace they install one package, compile the example of its README, and run it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { command, mapLimited } from '../check/command.ts'
import { readWorkspace } from '../check/workspace.ts'
import { BlankProject, type Installed, importsOf } from './blank-project.ts'
import { type Registry, startRegistry } from './registry.ts'

/** Installed together they stay below this. */
const TOGETHER = ['@comm/manager', '@comm/http', '@comm/messaging-rabbit']
const TOGETHER_MOST_BYTES = 8_000_000
const AT_ONCE = 2

const root = join(import.meta.dirname, '../..')
const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, package: { type: 'string', multiple: true } },
})

const upstream = process.env.npm_config_registry ?? 'https://registry.npmjs.org/'
// What pnpm tells its scripts would overrule what the projects here say.
for (const name of Object.keys(process.env)) if (/^p?npm_config_/i.test(name)) delete process.env[name]

/** @throws Error with what it said */
async function done(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
  const { code, output } = await command(program, args, { cwd })
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} failed:\n${output.trim()}`)
  return output.trim()
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Versions, builds and publishes every package, as the release workflow does. @returns names with their versions */
async function release(folder: string, registry: Registry): Promise<ReadonlyMap<string, string>> {
  await done(root, 'git', 'clone', '--quiet', '--shared', root, folder)
  await done(folder, 'npx', '--yes', 'pnpm@10', 'install', '--frozen-lockfile', '--prefer-offline')
  await done(folder, 'npx', '--yes', 'pnpm@10', 'exec', 'changeset', 'version')
  writeFileSync(join(folder, '.npmrc'), registry.npmrc)
  await done(folder, 'npx', '--yes', 'pnpm@10', 'release')
  const libraries = readWorkspace(folder).filter(({ kind }) => kind === 'library')
  return new Map(
    libraries.map(({ folder: at, manifest: { name } }) => {
      const { version } = JSON.parse(readFileSync(join(folder, at, 'package.json'), 'utf8')) as { version: string }
      return [name, version]
    }),
  )
}

interface Report {
  readonly name: string
  readonly installed?: Installed
  readonly failure?: string
}

/** One package alone, then what the example of its README imports beside it. */
async function tryPackage(folder: string, name: string, npmrc: string): Promise<Report> {
  const project = new BlankProject(folder, npmrc)
  try {
    const installed = await project.install([name])
    const example = project.exampleOf(name)
    const others = importsOf(example).filter((imported) => imported !== name)
    if (others.length > 0) await project.install(others)
    await project.run(example)
    return { name, installed }
  } catch (thrown) {
    return { name, failure: (thrown as Error).message }
  }
}

async function tryTogether(folder: string, npmrc: string): Promise<Report> {
  const name = TOGETHER.join(' + ')
  try {
    const installed = await new BlankProject(folder, npmrc).install(TOGETHER)
    if (installed.bytes <= TOGETHER_MOST_BYTES) return { name, installed }
    return { name, installed, failure: `${megabytes(installed)} are installed, at most ${TOGETHER_MOST_BYTES / 1e6} MB wanted` }
  } catch (thrown) {
    return { name, failure: (thrown as Error).message }
  }
}

function sayReport({ name, installed, failure }: Report): void {
  const size =
    installed === undefined ? '' : `${megabytes(installed).padStart(9)} ${String(installed.packages).padStart(5)} packages`
  say(`  ${failure === undefined ? 'ok    ' : 'FAILED'} ${name.padEnd(30)} ${size}`)
}

function megabytes({ bytes }: Installed): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'comm-release-'))
  try {
    await using registry = await startRegistry(root, folder, upstream)
    const versions = await release(join(folder, 'workspace'), registry)
    say(`published to ${registry.url}:\n${[...versions].map(([name, version]) => `  ${name} ${version}`).join('\n')}`)
    const names = values.package ?? [...versions.keys()]
    say('\ninstalled alone, in a blank project:')
    const told = (report: Report): Report => {
      sayReport(report)
      return report
    }
    const reports = await mapLimited(names, AT_ONCE, async (name) =>
      told(await tryPackage(join(folder, name), name, registry.npmrc)),
    )
    const together = values.package === undefined ? [told(await tryTogether(join(folder, 'together'), registry.npmrc))] : []
    const all = [...reports, ...together]
    const failures = all.filter(({ failure }) => failure !== undefined)
    for (const { name, failure } of failures) say(`\n${name}: ${failure}`)
    return failures.length === 0 ? 0 : 1
  } finally {
    if (values.keep) say(`kept: ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
