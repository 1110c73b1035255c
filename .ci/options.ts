// `pnpm options`: writes the tables of options in docs/options from the sources. `pnpm check options` tells when that was forgotten.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { optionsPages } from './options/pages.ts'

const root = join(import.meta.dirname, '..')
mkdirSync(join(root, 'docs/options'), { recursive: true })
for (const [file, text] of optionsPages(root)) writeFileSync(join(root, file), text)
