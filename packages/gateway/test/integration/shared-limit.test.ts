import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { startRedis } from '@comm/testkit/servers'
import { afterAll, expect, it } from '@jest/globals'
import { service } from '../support/services.ts'

const redis = await startRedis({ sources: ['local', 'debian12'] })
afterAll(() => redis.close())

it('two gateways that share Redis let exactly as many requests through as the limit says', async () => {
  await using users = await service((_, response) => response.end('ok'))
  const children: ChildProcess[] = []
  try {
    const urls = await Promise.all(
      [1, 2].map(async () => {
        const child = fork(join(import.meta.dirname, 'scripts/limited-gateway.ts'), {
          execArgv: ['--conditions=@comm/source', '--disable-warning=ExperimentalWarning'],
          env: {
            ...process.env,
            REDIS_HOST: redis.host,
            REDIS_PORT: String(redis.port),
            SERVICE_URL: users.url,
            KEY_PREFIX: `gateway-${process.pid}`,
          },
        })
        children.push(child)
        const [url] = (await once(child, 'message')) as [string]
        return url
      }),
    )
    const asked = Array.from({ length: 400 }, (_, at) => fetch(`${urls[at % 2]}/users`))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(100)
    expect(statuses.filter((status) => status === 429)).toHaveLength(300)
    expect(users.requests).toHaveLength(100)
  } finally {
    for (const child of children) child.disconnect()
  }
}, 120_000)
