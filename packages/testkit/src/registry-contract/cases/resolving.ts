import assert from 'node:assert/strict'
import type { RegistryTheme } from '../contract.ts'
import { addresses } from '../facts.ts'

export const resolving: RegistryTheme = {
  name: 'resolving',
  cases: [
    {
      id: 'unknown-service',
      title: 'a service that nobody knows has no instances',
      async run(context) {
        assert.deepEqual(await context.resolve(await context.registry(), context.service()), [])
      },
    },
    {
      id: 'several',
      title: 'every instance is found, by any client, each with an id of its own',
      async run(context) {
        const service = context.service()
        await context.put(
          service,
          [1, 2, 3].map((nth) => context.instance(service, nth)),
        )
        const found = await context.resolve(await context.registry(), service)
        assert.deepEqual(addresses(found), ['10.7.0.1:8001', '10.7.0.2:8002', '10.7.0.3:8003'])
        assert.equal(new Set(found.map(({ id }) => id)).size, 3)
        for (const instance of found) assert.equal(instance.service, service)
        const again = await context.resolve(await context.registry(), service)
        assert.deepEqual(again.map(({ id }) => id).sort(), found.map(({ id }) => id).sort(), 'ids stay')
      },
    },
    {
      id: 'attributes',
      title: 'what a registry keeps of an instance comes back as it was',
      async run(context) {
        const service = context.service()
        const instance = context.instance(service, 1, {
          zone: 'eu-1a',
          weight: 7,
          version: '1.4.2-rc.1',
          metadata: { team: 'billing', region: 'eu' },
          tags: ['canary', 'http'],
        })
        await context.put(service, [instance])
        const [found] = await context.resolve(await context.registry(), service)
        assert(found !== undefined, 'it is found')
        const kept = context.kept(instance)
        assert.deepEqual(Object.fromEntries(Object.keys(kept).map((name) => [name, found[name as keyof typeof found]])), kept)
      },
    },
    {
      id: 'nothing-made-up',
      title: 'an instance that says nothing of its zone, version and tags has none',
      needs: ['registers'],
      async run(context) {
        const service = context.service()
        await context.put(service, [context.instance(service)])
        const [found] = await context.resolve(await context.registry(), service)
        assert.deepEqual({ ...found }, context.instance(service))
      },
    },
    {
      id: 'any-text',
      title: 'metadata may be any text',
      needs: ['registers', 'metadata'],
      async run(context) {
        const service = context.service()
        const metadata = { empty: '', words: 'a "quoted" text, with = and ;', json: '{"a":[1]}', umlaut: 'ü ✓ 漢' }
        await context.put(service, [context.instance(service, 1, { metadata })])
        const [found] = await context.resolve(await context.registry(), service)
        assert.deepEqual({ ...found?.metadata }, metadata)
      },
    },
    {
      id: 'apart',
      title: 'services do not touch each other, also where a name begins with another, and the ids are the same',
      async run(context) {
        const service = context.service()
        const longer = `${service}-b`
        await context.put(service, [context.instance(service, 1)])
        await context.put(longer, [context.instance(longer, 1, { host: '10.7.0.9' })])
        const registry = await context.registry()
        assert.deepEqual(addresses(await context.resolve(registry, service)), ['10.7.0.1:8001'])
        assert.deepEqual(addresses(await context.resolve(registry, longer)), ['10.7.0.9:8001'])
      },
    },
  ],
}
