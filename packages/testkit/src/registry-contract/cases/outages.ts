import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { CommunicationError } from '@comm/core'
import type { RegistryTheme } from '../contract.ts'
import { addresses } from '../facts.ts'

function isAway(thrown: unknown): true {
  assert(thrown instanceof CommunicationError, `a CommunicationError, got ${String(thrown)}`)
  assert(thrown.retryable, `${thrown.code} can be tried again: ${thrown.message}`)
  return true
}

export const outages: RegistryTheme = {
  name: 'outages',
  cases: [
    {
      id: 'away',
      title: 'while it is away everything is refused with an error that can be tried again, and health is down',
      needs: ['outage'],
      async run(context) {
        const registry = await context.registry()
        const service = context.service()
        await context.resolve(registry, service)
        const known = context.subject.features.registers ? await context.register(registry, context.instance(service)) : undefined
        const { outage } = context.subject
        await outage?.begin()
        try {
          const { signal } = new AbortController()
          await assert.rejects(context.within(registry.resolve(service, signal), 'resolving'), isAway)
          await assert.rejects(
            context.within(
              registry.watch(service).run(() => undefined, signal),
              'watching',
            ),
            isAway,
          )
          if (known !== undefined) {
            await assert.rejects(context.within(registry.renew(known, signal), 'a heartbeat'), isAway)
            await assert.rejects(context.within(registry.deregister(known, signal), 'deregistering'), isAway)
            const another = context.registration(context.instance(service, 2))
            await assert.rejects(context.within(registry.register(another, signal), 'registering'), isAway)
          }
          assert.equal(getEventListeners(signal, 'abort').length, 0, 'listeners on the signal')
          assert.equal((await context.within(registry.health(signal), 'a health check')).status, 'down')
        } finally {
          await outage?.end()
        }
        await context.waitFor('it to be up', async () => (await registry.health(context.signal)).status === 'up')
      },
    },
    {
      id: 'watch-ends',
      title: 'an outage ends a watch; run again afterwards it shows the list and what changes',
      needs: ['outage'],
      async run(context) {
        const service = context.service()
        await context.put(service, [context.instance(service, 1)])
        const follower = context.follow(await context.registry(), service)
        await follower.sees('10.7.0.1:8001')
        await context.subject.outage?.begin()
        try {
          isAway(await follower.ended())
        } finally {
          await context.subject.outage?.end()
        }
        // Connections that come back by themselves need their time.
        await context.waitFor('the registry to be back', () =>
          context.put(service, [context.instance(service, 1), context.instance(service, 2)]).then(() => true),
        )
        follower.start()
        await context.waitFor('the watch to run', async () => {
          // Begun before its connection was back.
          if (follower.end !== undefined) follower.start()
          return follower.shows('10.7.0.1:8001', '10.7.0.2:8002')
        })
        await context.put(service, [context.instance(service, 2)])
        await follower.sees('10.7.0.2:8002')
      },
    },
    {
      id: 'registered-anew',
      title: 'after an outage a registration is kept or said to be lost, and registering makes it known again',
      needs: ['outage', 'registers'],
      async run(context) {
        const registry = await context.registry()
        const service = context.service()
        const registration = await context.register(registry, context.instance(service))
        await context.subject.outage?.begin()
        await context.subject.outage?.end()
        const answer = await context.waitFor('a heartbeat', () => registry.renew(registration, context.signal))
        if (answer === 'lost') await context.within(registry.register(registration, context.signal), 'registering')
        assert.deepEqual(addresses(await context.resolve(registry, service)), ['10.7.0.1:8001'])
      },
    },
    {
      id: 'severed',
      title: 'a cut connection ends a watch with an error that can be tried again, or not at all, and nothing is missed',
      needs: ['sever'],
      async run(context) {
        const service = context.service()
        await context.put(service, [context.instance(service, 1)])
        const follower = context.follow(await context.registry(), service)
        await follower.sees('10.7.0.1:8001')
        await context.subject.sever?.()
        // Whoever kept a connection finds it cut at its next request, and tries again.
        await context.waitFor('the change to be made', () =>
          context.put(service, [context.instance(service, 2)]).then(() => true),
        )
        await context.waitFor('the watch to see what it missed', async () => {
          if (follower.end !== undefined) {
            isAway(follower.end)
            follower.start()
          }
          return follower.last !== undefined && addresses(follower.last).join() === '10.7.0.2:8002'
        })
      },
    },
  ],
}
