import type { Registry, ServiceInstance, Watch } from '@comm/discovery'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { type ContractReport, REGISTRY_CONTRACT, type RegistryUnderTest, registryContract, type TestRunner } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

/** What is broken does not come: soon given up. */
const HASTY = { deadlineMs: 300, ttlMs: 60, lateMs: 100 }

/** The in-memory registry with one thing wrong. */
function broken(change: (registry: MemoryRegistry) => Partial<Registry>): RegistryUnderTest {
  const server = new MemoryRegistryServer()
  return {
    name: 'broken',
    features: new MemoryRegistry().features,
    limits: HASTY,
    outage: { begin: () => server.stop(), end: () => server.start() },
    createRegistry() {
      const registry = new MemoryRegistry({ server })
      const changed = change(registry)
      return new Proxy<Registry>(registry, {
        get(target, name) {
          const value: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}

/** Runs cases by a runner of its own, and gives the report instead of failing. */
async function run(registry: RegistryUnderTest, ids: readonly string[]): Promise<ContractReport> {
  const wanted = new Set(
    REGISTRY_CONTRACT.flatMap(({ cases }) => cases).flatMap(({ id, title }) => (ids.includes(id) ? [title] : [])),
  )
  const tests: (() => Promise<void>)[] = []
  const cleaners: (() => Promise<void>)[] = []
  const runner: TestRunner = {
    describe: (_, define) => define(),
    it: Object.assign((title: string, test: () => Promise<void>) => void (wanted.has(title) && tests.push(test)), {
      skip: () => undefined,
    }),
    afterAll: (clean) => cleaners.push(clean),
  }
  const { promise, resolve } = Promise.withResolvers<ContractReport>()
  registryContract(runner, { ...registry, report: resolve })
  for (const test of tests) await test().catch(() => undefined)
  for (const clean of cleaners) await clean()
  return promise
}

const withLists =
  (change: (list: readonly ServiceInstance[]) => readonly ServiceInstance[]) =>
  (registry: MemoryRegistry): Partial<Registry> => ({
    resolve: async (service, signal) => change(await registry.resolve(service, signal)),
  })
const withWatch =
  (change: (watch: Watch) => Watch['run']) =>
  (registry: MemoryRegistry): Partial<Registry> => ({
    watch: (service) => ({ run: change(registry.watch(service)) }),
  })

describe('the registry contract finds', () => {
  it.each<[string, string, (registry: MemoryRegistry) => Partial<Registry>]>([
    ['features that are not those', 'features', ({ features }) => ({ features: { ...features, watches: 'poll' } })],
    ['lost metadata', 'attributes', withLists((list) => list.map(({ metadata: _, ...instance }) => instance))],
    ['a zone that nobody gave', 'nothing-made-up', withLists((list) => list.map((instance) => ({ ...instance, zone: 'x' })))],
    ['instances that are one', 'several', withLists((list) => list.slice(0, 1))],
    ['a registration that makes a second one', 'register-again', withLists((list) => [...list, ...list])],
    ['a heartbeat that is always kept', 'renew', () => ({ renew: async () => 'kept' as const })],
    ['one that deregisters nothing', 'deregister', () => ({ deregister: async () => undefined })],
    [
      'times to live that do not end',
      'expiry',
      (registry) => ({ register: ({ instance }, signal) => registry.register({ instance, ttlMs: 60_000 }, signal) }),
    ],
    ['heartbeats that do nothing', 'kept-alive', () => ({ renew: async () => 'kept' as const })],
    [
      'a watch that tells of nothing but its beginning',
      'changes',
      withWatch((watch) => (onList, signal) => {
        let isFirst = true
        return watch.run((list) => {
          if (isFirst) onList(list)
          isFirst = false
        }, signal)
      }),
    ],
    [
      'a watch without its beginning',
      'first-list',
      withWatch((watch) => (onList, signal) => {
        let lists = 0
        return watch.run((list) => void (lists++ > 0 && onList(list)), signal)
      }),
    ],
    [
      'a watch that does not heed its signal',
      'watch-aborted',
      withWatch((watch) => (onList) => watch.run(onList, new AbortController().signal)),
    ],
    [
      'a watch that does not notice an outage',
      'watch-ends',
      withWatch((watch) => (onList, signal) => watch.run(onList, signal).catch(() => new Promise<never>(() => undefined))),
    ],
    ['one that answers after disposal', 'closed', () => ({ resolve: async () => [] })],
    ['health that is always up', 'away', () => ({ health: async () => ({ status: 'up' }) as const })],
  ])('%s', async (_, id, change) => {
    const report = await run(broken(change), [id])
    expect(report.cases.find((each) => each.id === id)).toMatchObject({ outcome: 'failed' })
    const sound = await run({ ...broken(() => ({})), limits: {} }, [id])
    expect(sound.cases.find((each) => each.id === id)).toMatchObject({ outcome: 'passed' })
  })
})
