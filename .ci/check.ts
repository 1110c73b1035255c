// `pnpm check`: everything but the tests that must hold before a change is merged. `pnpm check types lint` runs these two parts.
import { join } from 'node:path'
import { PARTS } from './check/parts.ts'
import { failed, report, runParts } from './check/run.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !PARTS.some((part) => part.name === name))
if (unknown.length > 0) {
  const asked = names.some((name) => name === '--help' || name === '-h')
  if (!asked) console.error(`check: no part is named ${unknown.join(', ')}\n`)
  console.log(`check [part …]\n\n${PARTS.map((part) => `  ${part.name.padEnd(10)} fails when ${part.failsWhen}`).join('\n')}`)
  process.exit(asked ? 0 : 2)
}

const outcomes = await runParts(
  names.length === 0 ? PARTS : PARTS.filter((part) => names.includes(part.name)),
  join(import.meta.dirname, '..'),
)
console.log(report(outcomes))
process.exitCode = outcomes.some(failed) ? 1 : 0
