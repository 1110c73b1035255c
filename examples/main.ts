// Runs one of the examples beside it: `pnpm example resilience-patterns`; names them all when it is given none.
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== basename(import.meta.filename))
  .map((file) => basename(file, '.ts'))
const [name] = process.argv.slice(2)

if (name !== undefined && names.includes(name)) {
  await import(`./${name}.ts`)
} else {
  console.error(`pnpm example NAME, where NAME is one of\n  ${names.join('\n  ')}`)
  process.exitCode = 2
}
