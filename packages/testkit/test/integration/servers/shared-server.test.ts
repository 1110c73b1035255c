import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SHARED_SOCKET, sharedServer } from '@comm/testkit/servers'
import { describe, expect, it, jest } from '@jest/globals'

/** The first to ask may have to wait for an installation. */
jest.setTimeout(120_000)

describe('sharedServer', () => {
  it('gives every process of the run the same server', async () => {
    const here = await sharedServer('redis')
    const script = `import { sharedServer } from '@comm/testkit/servers'; console.log((await sharedServer('redis')).port)`
    const args = ['--conditions=@comm/source', '--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname })
    expect(process.env[SHARED_SOCKET]).toBeDefined()
    expect(Number(stdout)).toBe(here.port)
  })

  it('gives another server for other options, and the same whatever their order', async () => {
    const [plain, one, same] = await Promise.all([
      sharedServer('redis'),
      sharedServer('redis', { appendfsync: 'no', appendonly: false }),
      sharedServer('redis', { appendonly: false, appendfsync: 'no' }),
    ])
    expect(one.port).not.toBe(plain.port)
    expect(one.port).toBe(same.port)
  })

  it('refuses to harm a server that others use, and only lets go of it', async () => {
    const server = await sharedServer('redis')
    for (const fault of ['kill', 'stop', 'continue', 'restart'] as const) {
      await expect(server[fault]()).rejects.toMatchObject({
        code: 'COMM_UNSUPPORTED',
        message: `cannot ${fault} redis: others of this run use it too; start one of the test’s own`,
      })
    }
    await server.close()
    expect((await sharedServer('redis')).port).toBe(server.port)
  })

  it('shows its logs', async () => {
    expect(await (await sharedServer('redis')).logs()).toContain('Ready to accept connections')
  })

  it('passes on what is wrong with the options', async () => {
    await expect(sharedServer('redis', { appendfsync: 'sometimes' as 'no' })).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: "redis.appendfsync must be one of 'always', 'everysec', 'no', got 'sometimes'",
    })
  })
})
