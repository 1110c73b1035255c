// `pnpm support-tables [Jest's arguments]`: writes the support tables of the READMEs from a run of the broker contract and of the registry contract.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** Where the contract suite runs over the brokers that a README has a table of. */
const SUITES = [
  'memory-contract',
  'static-contract',
  'kubernetes-contract',
  'integration/contract',
  'integration/classic',
  'integration/.*-contract',
]
const { status } = spawnSync(
  process.execPath,
  // One after the other: two columns of one table come from two files.
  [join(import.meta.dirname, 'jest.ts'), ...process.argv.slice(2), '--runInBand', ...SUITES],
  { stdio: 'inherit', env: { ...process.env, COMM_SUPPORT_TABLES: 'write' } },
)
process.exit(status ?? 1)
