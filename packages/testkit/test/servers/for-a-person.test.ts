import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'

/** Where none can be found, so that nothing starts and each that was wanted is named. */
const servers = (...words: readonly string[]) =>
  promisify(execFile)(
    process.execPath,
    ['--conditions=@comm/source', join(import.meta.dirname, '../../src/servers/main.ts'), ...words],
    { env: { PATH: process.env['PATH'], COMM_TEST_SERVERS: 'environment' } },
  )

describe('pnpm servers', () => {
  it('starts those that tests are led to by a variable', async () => {
    const { code, stdout } = await servers().then(
      (ended) => ({ ...ended, code: 0 }),
      (failed: { readonly code: number; readonly stdout: string }) => failed,
    )
    expect(code).toBe(1)
    expect(Array.from(stdout.matchAll(/^# no (\w+) for the tests could be found/gm), ([, name]) => name)).toEqual([
      'Redis',
      'RabbitMQ',
      'Kafka',
      'Consul',
      'etcd',
    ])
    expect(stdout).not.toContain('export')
  })

  it('refuses one that no variable leads to', async () => {
    await expect(servers('redis', 'kubernetes')).rejects.toMatchObject({
      code: 2,
      stdout: 'there is no server named kubernetes; known are redis, rabbitmq, kafka, consul, etcd\n',
    })
  })
})
