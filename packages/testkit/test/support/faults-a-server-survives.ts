import type { TestServer } from '@comm/testkit/servers'
import { expect } from '@jest/globals'
import { isAlive } from './is-alive.ts'

/** What a test keeps in a server to see whether it is still there. */
export interface Memory {
  write(server: TestServer): Promise<void>
  read(server: TestServer): Promise<unknown>
}

/** Kills, restarts, stops, continues and closes a server of one's own; after each, what was written must still be read. */
export async function expectToSurviveFaults(server: TestServer, { write, read }: Memory): Promise<void> {
  const { url, port, pid: firstPid } = server
  // A container's process belongs to the engine, which shows no pid.
  const ours = server.source !== 'docker'
  expect(firstPid !== undefined).toBe(ours)
  await write(server)
  const written = await read(server)

  await server.kill()
  expect(server.pid).toBeUndefined()
  await expect(read(server)).rejects.toThrow()
  await server.restart()
  expect(await read(server)).toEqual(written)
  expect([server.url, server.port]).toEqual([url, port])
  if (ours) expect(server.pid).not.toBe(firstPid)

  const answer = { came: false }
  await server.stop()
  const reading = read(server).then((value) => {
    answer.came = true
    return value
  })
  // The connection is taken by the system, and then nothing comes.
  await expect(Promise.race([reading, silence()])).resolves.toBe('silence')
  expect(answer.came).toBe(false)
  await server.continue()
  expect(await reading).toEqual(written)

  const { pid } = server
  await server.close()
  expect(server.pid).toBeUndefined()
  if (pid !== undefined) expect(isAlive(pid)).toBe(false)
  await expect(read(server)).rejects.toThrow()
  expect(await server.logs()).not.toBe('')
}

const SILENCE_MS = 300

function silence(): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, SILENCE_MS, 'silence'))
}
