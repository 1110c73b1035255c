import { readFile } from 'node:fs/promises'
import type { JsonDocument } from '@comm/contracts'
import { parse } from 'yaml'
import { printable } from '../format/printable.ts'
import type { Invocation } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'
import { loadContracts } from './load-contracts.ts'

/** A line for each thing that breaks others. */
export async function diffDocuments(invocation: Invocation, before = '', after = ''): Promise<number> {
  const { terminal } = invocation
  const { json } = invocation.options<{ readonly json?: true }>()
  const { breakingChanges } = await loadContracts()
  const findings = breakingChanges(await read(before), await read(after))
  for (const finding of findings) {
    const { rule, at, message } = finding
    await terminal.print(json ? JSON.stringify(finding) : printable(`${at}: ${message} [${rule}]`))
  }
  if (findings.length === 0) terminal.say('nothing that breaks others')
  return findings.length > 0 ? 1 : 0
}

async function read(file: string): Promise<JsonDocument> {
  const text = await readFile(file, 'utf8').catch((thrown: Error) => {
    throw new UsageError(`${file} cannot be read: ${thrown.message}`)
  })
  try {
    // JSON is YAML.
    return parse(text) as JsonDocument
  } catch (thrown) {
    throw new UsageError(`${file} is neither JSON nor YAML: ${(thrown as Error).message.split('\n', 1)[0]}`)
  }
}
