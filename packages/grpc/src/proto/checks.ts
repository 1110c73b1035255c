import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { buf } from './tool.ts'

/** A `buf.yaml` in the folder is heeded in place of it. */
const DEFAULT_CONFIG = JSON.stringify({ version: 'v2', lint: { use: ['STANDARD'] }, breaking: { use: ['WIRE_JSON'] } })

function config(folder: string): readonly string[] {
  return existsSync(resolve(folder, 'buf.yaml')) ? [] : ['--config', DEFAULT_CONFIG]
}

/** Checks the style of the `.proto` files of a folder (buf's rules `STANDARD`). @throws ToolFailure with every complaint */
export async function lint(folder: string): Promise<void> {
  await buf(resolve(folder), ['lint', ...config(folder)])
}

/**
 * Finds changes that break who uses an earlier version, on the wire or in JSON.
 * @param against where that is, as buf understands it: a folder, an image, `.git#branch=main,subdir=protos`
 * @throws ToolFailure with every one
 */
export async function breaking(folder: string, against: string): Promise<void> {
  const other = existsSync(against) ? resolve(against) : against
  await buf(resolve(folder), [
    'breaking',
    '--against',
    other,
    ...config(folder),
    ...(config(folder).length === 0 ? [] : ['--against-config', DEFAULT_CONFIG]),
  ])
}
