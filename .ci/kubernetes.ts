// `pnpm test:kubernetes [Jest's arguments]`: what needs a real kube-apiserver, whose first start builds it from its Go modules.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'jest.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, COMM_TEST_KUBERNETES: 'real' },
})
process.exit(status ?? 1)
