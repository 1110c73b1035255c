import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sharedServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'

const MAIN = join(import.meta.dirname, '../../../../examples/main.ts')
const LIMIT_MS = 120_000

describe('pnpm example service-discovery', () => {
  it.each(['consul', 'etcd', 'redis'] as const)(
    '--registry %s',
    async (registry) => {
      const { host, port } = await sharedServer(registry)
      const words = [MAIN, 'service-discovery', '--registry', registry, '--host', host, '--port', String(port)]
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--conditions=@comm/source', ...words], {
        timeout: LIMIT_MS,
      })
      expect(stderr).toBe('')
      expect(stdout.match(/^✓/gm)).toHaveLength(5)
      expect(stdout.trimEnd().split('\n').at(-1)).toBe('service-discovery: ok')
    },
    LIMIT_MS,
  )
})
