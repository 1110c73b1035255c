import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { leavesNothing } from '../../contract/resources.ts'
import type { RegistryTheme } from '../contract.ts'
import { isError } from '../facts.ts'

export const lifecycle: RegistryTheme = {
  name: 'lifecycle',
  cases: [
    {
      id: 'features',
      title: 'a registry declares the features that it is tested for, and names its system and place',
      async run(context) {
        const registry = await context.registry()
        assert.deepEqual({ ...registry.features }, { ...context.subject.features })
        assert.match(registry.system, /^[a-z][a-z0-9_.]*$/)
        assert.notEqual(registry.where, '')
      },
    },
    {
      id: 'health',
      title: 'a registry that answers is up',
      async run(context) {
        const registry = await context.registry()
        assert.deepEqual((await context.within(registry.health(context.signal), 'a health check')).status, 'up')
      },
    },
    {
      id: 'closed',
      title: 'after disposal, which may come twice, everything is refused and health is down',
      async run(context) {
        const registry = await context.registry()
        const service = context.service()
        const registration = { instance: context.instance(service), ttlMs: 60_000 }
        await context.resolve(registry, service)
        await Promise.all([registry[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()])
        const { signal } = context
        await assert.rejects(registry.register(registration, signal), isError('COMM_CLOSED'))
        await assert.rejects(registry.renew(registration, signal), isError('COMM_CLOSED'))
        await assert.rejects(registry.deregister(registration, signal), isError('COMM_CLOSED'))
        await assert.rejects(registry.resolve(service, signal), isError('COMM_CLOSED'))
        await assert.rejects(async () => registry.watch(service).run(() => undefined, signal), isError('COMM_CLOSED'))
        assert.equal((await registry.health(signal)).status, 'down')
      },
    },
    {
      id: 'disposal-ends-watches',
      title: 'disposal ends the watches that run',
      async run(context) {
        const registry = await context.registry()
        const follower = context.follow(registry, context.service())
        await follower.sees()
        await context.within(registry[Symbol.asyncDispose](), 'disposal')
        isError('COMM_CLOSED')(await follower.ended())
      },
    },
    {
      id: 'aborted',
      title: 'what is aborted already is not done',
      async run(context) {
        const registry = await context.registry()
        const service = context.service()
        const reason = new Error('no more')
        const signal = AbortSignal.abort(reason)
        const isReason = (thrown: unknown): boolean => thrown === reason
        await assert.rejects(registry.resolve(service, signal), isReason)
        await assert.rejects(
          registry.watch(service).run(() => assert.fail('a list'), signal),
          isReason,
        )
        if (context.subject.features.registers) {
          await assert.rejects(registry.register(context.registration(context.instance(service)), signal), isReason)
          assert.deepEqual(await context.resolve(registry, service), [])
        }
      },
    },
    {
      id: 'watch-aborted',
      title: 'an abort ends a watch at once, with its reason, and leaves no listener',
      async run(context) {
        const registry = await context.registry()
        const follower = context.follow(registry, context.service())
        await follower.sees()
        const reason = new Error('seen enough')
        await context.within(follower.stop(reason), 'the end of a watch')
        assert.equal(follower.end, reason)
        assert.equal(getEventListeners(follower.signal, 'abort').length, 0, 'listeners on the signal')
      },
    },
    {
      id: 'leaves-nothing',
      title: 'a registry that was used and disposed of leaves no socket and no timer behind',
      async run(context) {
        await leavesNothing(context, async () => {
          const registry = await context.registry()
          const service = context.service()
          const follower = context.follow(registry, service)
          await follower.sees()
          await context.resolve(registry, service)
          await context.within(registry[Symbol.asyncDispose](), 'disposal')
          await follower.stop()
        })
      },
    },
  ],
}
