import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceContract } from '@comm/contracts'
import { ConfigurationError } from '@comm/core'
import { loadExport, loadModule } from '@comm/core/schema'
import type { Invocation } from '../invocation.ts'
import { loadContracts } from './load-contracts.ts'

interface WriteArguments {
  readonly out: string
  readonly check?: true
}

/** Writes the documents that a contract has, and takes away the one that it no longer has. */
export async function writeDocuments(invocation: Invocation, source = ''): Promise<number> {
  const { terminal } = invocation
  const { out, check } = invocation.options<WriteArguments>()
  const { documentsOf } = await loadContracts()
  let differing = 0
  for (const [path, document] of Object.entries(documentsOf(await loadContract(source)))) {
    const file = join(out, path)
    const text = document && `${JSON.stringify(document, null, 2)}\n`
    if ((await textOf(file)) === text) continue
    differing++
    if (check) await terminal.print(`${file} is not what ${source} says; run comm docs ${source} --out ${out}`)
    else if (text === undefined) await rm(file)
    else {
      await mkdir(out, { recursive: true })
      await writeFile(file, text)
    }
    if (!check) await terminal.print(`${text === undefined ? 'removed' : 'wrote'} ${file}`)
  }
  return check && differing > 0 ? 1 : 0
}

/** @throws ConfigurationError when the module exports none, or several and none is named */
async function loadContract(source: string): Promise<ServiceContract> {
  if (source.includes('#')) return (await loadExport(source)) as ServiceContract
  const found = Object.entries(await loadModule(source)).filter(([, value]) => isContract(value))
  const [only, ...others] = found
  if (only !== undefined && others.length === 0) return only[1] as ServiceContract
  const names = found.map(([name]) => `${source}#${name}`).join(', ')
  throw new ConfigurationError(
    only === undefined
      ? `${source} exports no contract: the value of contract()`
      : `${source} exports several contracts; name one: ${names}`,
  )
}

function isContract(value: unknown): boolean {
  const { title, version, sends, receives, routes } = Object(value) as Partial<ServiceContract>
  return typeof title === 'string' && typeof version === 'string' && [sends, receives, routes].some(Array.isArray)
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
