// `pnpm test:matrix [Jest's arguments]`: the suites of the broker packages on the newer servers, RabbitMQ 4.0 and Redis 8.0.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const SUITES = ['packages/messaging-rabbit/', 'packages/messaging-redis/', 'packages/redis-stores/']
const words = process.argv.slice(2)
const { status } = spawnSync(
  process.execPath,
  [join(import.meta.dirname, 'jest.ts'), '--selectProjects', 'integration', ...words, '--', ...SUITES],
  { stdio: 'inherit', env: { ...process.env, COMM_TEST_SERVERS: 'debian13' } },
)
process.exit(status ?? 1)
