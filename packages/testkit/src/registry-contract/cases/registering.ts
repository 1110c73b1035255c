import assert from 'node:assert/strict'
import { sleep } from '@comm/core'
import type { RegistryTheme } from '../contract.ts'
import { addresses, isError } from '../facts.ts'

/** A timer may fire so much before its time by another clock. */
const EARLY_MS = 5

export const registering: RegistryTheme = {
  name: 'registering',
  cases: [
    {
      id: 'visible',
      title: 'what is registered is found at once, by others too',
      needs: ['registers'],
      async run(context) {
        const [one, other] = [await context.registry(), await context.registry()]
        const service = context.service()
        await context.register(one, context.instance(service))
        for (const registry of [one, other]) {
          assert.deepEqual(addresses(await context.resolve(registry, service)), ['10.7.0.1:8001'])
        }
      },
    },
    {
      id: 'register-again',
      title: 'registering again changes what the instance says of itself, and makes no second one',
      needs: ['registers'],
      async run(context) {
        const registry = await context.registry()
        const service = context.service()
        await context.register(registry, context.instance(service))
        await context.register(registry, context.instance(service, 1, { host: '10.7.0.7', version: '2' }))
        const found = await context.resolve(registry, service)
        assert.deepEqual(
          found.map((each) => context.kept(each)),
          [context.kept(context.instance(service, 1, { host: '10.7.0.7', version: '2' }))],
        )
      },
    },
    {
      id: 'renew',
      title: 'a heartbeat is kept for what is known, and lost for what is not',
      needs: ['registers'],
      async run(context) {
        const registry = await context.registry()
        const service = context.service()
        const known = await context.register(registry, context.instance(service, 1))
        const renew = (registration: typeof known): Promise<string> =>
          context.within(registry.renew(registration, context.signal), 'a heartbeat')
        assert.equal(await renew(known), 'kept')
        assert.equal(await renew(context.registration(context.instance(service, 2))), 'lost')
        await context.within(registry.deregister(known, context.signal), 'deregistering')
        assert.equal(await renew(known), 'lost')
        assert.deepEqual(await context.resolve(registry, service), [], 'a lost heartbeat registers nothing')
      },
    },
    {
      id: 'deregister',
      title: 'what is deregistered is gone at once, for others too; again, and for what nobody knows, it does nothing',
      needs: ['registers'],
      async run(context) {
        const [one, other] = [await context.registry(), await context.registry()]
        const service = context.service()
        const [first] = [
          await context.register(one, context.instance(service, 1)),
          await context.register(one, context.instance(service, 2)),
        ]
        for (let time = 0; time < 2; time++) await context.within(one.deregister(first, context.signal), 'deregistering')
        for (const registry of [one, other]) {
          assert.deepEqual(addresses(await context.resolve(registry, service)), ['10.7.0.2:8002'])
        }
        await context.within(
          other.deregister(context.registration(context.instance(service, 3)), context.signal),
          'deregistering',
        )
      },
    },
    {
      id: 'expiry',
      title: 'an instance whose heart has stopped is gone when its time to live is over, and no sooner',
      needs: ['registers', 'expires'],
      async run(context) {
        const { ttlMs, lateMs } = context.limits
        const registry = await context.registry()
        const service = context.service()
        const follower = context.follow(await context.registry(), service)
        const startedAt = performance.now()
        await context.register(registry, context.instance(service), ttlMs)
        const registeredAt = performance.now()
        await follower.sees('10.7.0.1:8001')
        await context.waitFor('it to be gone', async () => (await context.resolve(registry, service)).length === 0)
        const goneAt = performance.now()
        assert(goneAt - startedAt >= ttlMs - EARLY_MS, `gone after ${Math.round(goneAt - startedAt)} ms of ${ttlMs}`)
        assert(goneAt - registeredAt <= ttlMs + lateMs, `gone after ${Math.round(goneAt - registeredAt)} ms of ${ttlMs}`)
        await follower.sees()
        const seenAt = performance.now()
        assert(
          seenAt - registeredAt <= ttlMs + lateMs,
          `seen to be gone after ${Math.round(seenAt - registeredAt)} ms of ${ttlMs}`,
        )
      },
    },
    {
      id: 'kept-alive',
      title: 'heartbeats keep an instance beyond its time to live',
      needs: ['registers', 'expires'],
      async run(context) {
        const { ttlMs } = context.limits
        const registry = await context.registry()
        const service = context.service()
        const registration = await context.register(registry, context.instance(service), ttlMs)
        let [beganAt, beatAt] = [performance.now(), performance.now()]
        while (performance.now() < beganAt + ttlMs * 2.5) {
          await sleep(ttlMs / 5)
          const startedAt = performance.now()
          const isKept = (await registry.renew(registration, context.signal)) === 'kept'
          const isListed = (await context.resolve(registry, service)).length === 1
          if (isKept && isListed) {
            beatAt = startedAt
            continue
          }
          const gapMs = performance.now() - beatAt
          assert(gapMs >= ttlMs, `it was gone ${Math.round(gapMs)} ms after a heartbeat for ${ttlMs}`)
          // This machine stood still for a whole time to live: it went, rightly. Once more.
          await context.within(registry.register(registration, context.signal), 'registering')
          beatAt = beganAt = performance.now()
        }
      },
    },
    {
      id: 'ttl-too-short',
      title: 'a time to live shorter than the registry keeps is refused',
      needs: ['registers', 'leastTtlMs'],
      async run(context) {
        const { leastTtlMs = 0 } = context.subject.features
        const registry = await context.registry()
        const registration = context.registration(context.instance(context.service()), leastTtlMs / 2)
        await assert.rejects(registry.register(registration, context.signal), isError('COMM_UNSUPPORTED'))
      },
    },
    {
      id: 'read-only',
      title: 'a registry that is only read refuses to register',
      needs: ['readOnly'],
      async run(context) {
        const registry = await context.registry()
        const registration = { instance: context.instance(context.service()), ttlMs: 60_000 }
        await assert.rejects(registry.register(registration, context.signal), isError('COMM_UNSUPPORTED'))
        await assert.rejects(registry.renew(registration, context.signal), isError('COMM_UNSUPPORTED'))
      },
    },
  ],
}
