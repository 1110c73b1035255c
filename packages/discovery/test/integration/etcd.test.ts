import type { ServiceInstance } from '@comm/discovery'
import { EtcdRegistry } from '@comm/discovery/etcd'
import { waitFor } from '@comm/testkit'
import { startEtcd, type TestServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const signal = new AbortController().signal
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const instance = (service: string, nth: number): ServiceInstance => ({ service, id: `i${nth}`, host: '10.0.0.1', port: nth })

async function post({ url }: TestServer, path: string, body: object, token?: string): Promise<Record<string, unknown>> {
  const headers = token === undefined ? {} : { authorization: token }
  const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body), headers })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return answer
}

function follow(watch: ReturnType<EtcdRegistry['watch']>) {
  const stopped = new AbortController()
  const lists: (readonly ServiceInstance[])[] = []
  const run = watch.run((list) => void lists.push(list), stopped.signal).catch((thrown: unknown) => thrown)
  const stop = async (): Promise<void> => {
    stopped.abort()
    await run
  }
  return {
    lists,
    run,
    stop,
    last: () =>
      (lists.at(-1) ?? [])
        .map(({ id }) => id)
        .sort()
        .join(),
  }
}

let etcd: TestServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd.close())
const registry = (more = {}): EtcdRegistry => new EtcdRegistry({ host: etcd.host, port: etcd.port, ...more })

describe('a watch of etcd', () => {
  it('drops an instance in whose place something else was written', async () => {
    await using one = registry()
    await one.register({ instance: instance('spoilt', 1), ttlMs: 60_000 }, signal)
    await one.register({ instance: instance('spoilt', 2), ttlMs: 60_000 }, signal)
    const watching = follow(one.watch('spoilt'))
    await waitFor(() => watching.last() === 'i1,i2')
    await post(etcd, '/v3/kv/put', { key: base64('/comm/services/spoilt/i1'), value: base64('no instance') })
    await waitFor(() => watching.last() === 'i2')
    await watching.stop()
  })

  it('goes on at its revision, and reads the list again where that is compacted', async () => {
    await using one = registry()
    const watch = one.watch('compacted')
    await one.register({ instance: instance('compacted', 1), ttlMs: 60_000 }, signal)
    const first = follow(watch)
    await waitFor(() => first.last() === 'i1')
    await first.stop()

    const gone = { instance: instance('compacted', 2), ttlMs: 60_000 }
    await one.register(gone, signal)
    await one.register({ instance: instance('compacted', 3), ttlMs: 60_000 }, signal)
    await one.deregister(gone, signal)
    const { header } = (await post(etcd, '/v3/kv/range', { key: base64('x') })) as { header: { revision: string } }
    await post(etcd, '/v3/kv/compaction', { revision: header.revision, physical: true })
    const second = follow(watch)
    await waitFor(() => second.last() === 'i1,i3')
    await one.register({ instance: instance('compacted', 4), ttlMs: 60_000 }, signal)
    await waitFor(() => second.last() === 'i1,i3,i4')
    await second.stop()
  })

  it('reads the list again from a cluster that was set up anew, whose revisions it is ahead of', async () => {
    const young = await startEtcd()
    const old = await startEtcd()
    try {
      for (let nth = 0; nth < 20; nth++) await post(old, '/v3/kv/put', { key: base64('x'), value: base64(String(nth)) })
      // Two members that know nothing of each other: to the client it is one that has lost its data.
      await using one = new EtcdRegistry({ hosts: [`${old.host}:${old.port}`, `${young.host}:${young.port}`] })
      await using other = new EtcdRegistry({ host: young.host, port: young.port })
      await other.register({ instance: instance('anew', 2), ttlMs: 60_000 }, signal)
      await one.register({ instance: instance('anew', 1), ttlMs: 60_000 }, signal)
      const watch = one.watch('anew')
      const first = follow(watch)
      await waitFor(() => first.last() === 'i1')
      await old.kill()
      expect(await first.run).toMatchObject({ code: 'COMM_CONNECTION' })
      // The first try still goes to the one that is gone.
      let second = follow(watch)
      await waitFor(async () => {
        if (second.lists.length > 0) return true
        await second.stop()
        second = follow(watch)
        return waitFor(() => second.lists.length > 0, { timeoutMs: 1000 })
      })
      await waitFor(() => second.last() === 'i2')
      await second.stop()
    } finally {
      await young.close()
      await old.close()
    }
  })

  it('is opened anew when it is silent, without reading the list again', async () => {
    await using one = registry({ idleMs: 100 })
    const following = follow(one.watch('silent'))
    await waitFor(() => following.lists.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await one.register({ instance: instance('silent', 1), ttlMs: 60_000 }, signal)
    await waitFor(() => following.last() === 'i1')
    expect(following.lists.length).toBe(2)
    await following.stop()
  })

  it('passes over what is no instance', async () => {
    await using one = registry()
    await post(etcd, '/v3/kv/put', { key: base64('/comm/services/foreign/x'), value: base64('not JSON') })
    await one.register({ instance: instance('foreign', 1), ttlMs: 60_000 }, signal)
    expect((await one.resolve('foreign', signal)).map(({ id }) => id)).toEqual(['i1'])
  })
})

describe('etcd with a login', () => {
  let guarded: TestServer
  beforeAll(async () => {
    guarded = await startEtcd()
    await post(guarded, '/v3/auth/user/add', { name: 'root', password: 'hunter2' })
    await post(guarded, '/v3/auth/user/grant', { user: 'root', role: 'root' })
    await post(guarded, '/v3/auth/enable', {})
  })
  afterAll(() => guarded.close())
  const login = (username: string, password: string): EtcdRegistry =>
    new EtcdRegistry({ host: guarded.host, port: guarded.port, username, password })

  it('takes another token where the one in use is not taken any more', async () => {
    await using one = login('root', 'hunter2')
    await one.register({ instance: instance('guarded', 1), ttlMs: 60_000 }, signal)
    const following = follow(one.watch('guarded'))
    await waitFor(() => following.last() === 'i1')
    await following.stop()
    // Simple tokens live in the server's memory.
    await guarded.restart()
    await waitFor(() => one.resolve('guarded', signal).then((found) => found.length === 1))
  })

  it('says that a login is refused, and not with which password', async () => {
    await using one = login('root', 'wrong-password')
    const refused = one.resolve('guarded', signal)
    await expect(refused).rejects.toThrow(/authentication failed/)
    await expect(refused).rejects.not.toThrow(/wrong-password/)
  })
})
