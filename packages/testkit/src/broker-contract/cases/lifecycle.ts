import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { CommunicationError } from '@comm/core'
import type { BrokerAdapter } from '@comm/messaging'
import { leavesNothing } from '../../contract/resources.ts'
import { record } from '../case-context.ts'
import { ack, hold } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

const isClosed = (thrown: unknown): boolean => thrown instanceof CommunicationError && thrown.code === 'COMM_CLOSED'

export const lifecycle: ContractTheme = {
  name: 'lifecycle',
  cases: [
    {
      id: 'features',
      title: 'an adapter declares the features that it is tested for, and names its system',
      async run(context) {
        const adapter = await context.adapter()
        assert.deepEqual({ ...adapter.features }, { ...context.broker.features })
        assert.match(adapter.system, /^[a-z][a-z0-9_.]*$/)
      },
    },
    {
      id: 'connect-idempotent',
      title: 'connecting twice, and at the same time, is connecting once',
      async run(context) {
        const adapter = await context.adapter()
        await context.within(Promise.all([adapter.connect(context.signal), adapter.connect(context.signal)]), 'connecting twice')
        await context.within(adapter.connect(context.signal), 'connecting again')
        const collector = await context.subscribe(adapter, { topics: [await context.topic()] }, ack)
        await context.publish(adapter, record(String(collector.topics[0]), 'one'))
        await collector.until(1)
      },
    },
    {
      id: 'connect-aborted',
      title: 'a connect whose signal is aborted already is refused, and a later one works',
      async run(context) {
        const adapter = await context.adapter()
        await assert.rejects(adapter.connect(AbortSignal.abort(new Error('no more'))), isError('COMM_ABORTED'))
        await context.within(adapter.connect(context.signal), 'connecting')
      },
    },
    {
      id: 'abort-during-connect',
      title: 'an abort during connect ends it at once and leaves nothing behind',
      async run(context) {
        await leavesNothing(context, async () => {
          const adapter = await context.adapter()
          const controller = new AbortController()
          const connecting = adapter.connect(controller.signal).then(
            () => 'connected',
            (thrown: unknown) => thrown,
          )
          controller.abort(new Error('changed my mind'))
          const outcome = await context.within(connecting, 'an aborted connect')
          if (outcome !== 'connected') assert(isError('COMM_ABORTED')(outcome), `it was refused with ${String(outcome)}`)
          assert.equal(getEventListeners(controller.signal, 'abort').length, 0, 'listeners on the signal')
          await context.within(adapter[Symbol.asyncDispose](), 'disposal')
        })
      },
    },
    {
      id: 'signals-are-let-go',
      title: 'connect leaves no listener on its signal, all publishes together at most one on theirs',
      async run(context) {
        const adapter = await context.adapter()
        const { signal } = new AbortController()
        await context.within(adapter.connect(signal), 'connecting')
        assert.equal(getEventListeners(signal, 'abort').length, 0)
        const topic = await context.topic()
        for (let time = 0; time < 3; time++)
          await context.results(adapter, [record(topic, 'x', { unroutable: 'ignore' })], signal)
        assert(getEventListeners(signal, 'abort').length <= 1)
      },
    },
    {
      id: 'no-reentrance',
      title: 'no delivery is handed over from inside a call',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        let inside: string | undefined = 'subscribe'
        const collector = await context.subscribe(adapter, { topics: [topic], maxUnsettled: 1 }, () => {
          if (inside !== undefined) throw new Error(`a delivery came from inside ${inside}`)
        })
        inside = undefined
        const call = <Result>(name: string, make: () => Promise<Result>): Promise<Result> => {
          inside = name
          const promise = make()
          inside = undefined
          return promise
        }
        await call('publish', () => adapter.publish([record(topic, 'a'), record(topic, 'b')], context.signal))
        await collector.until(1)
        await call('settle', () => collector.settle(0))
        await collector.until(2)
        await collector.settle(1)
      },
    },
    {
      id: 'stop-intake',
      title: 'stopIntake is idempotent, nothing is handed over after it, and what was can still be settled',
      needs: ['groups'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const stopped = await context.subscribe(adapter, { topics: [topic], group }, hold)
        await context.publish(adapter, record(topic, 'before'))
        await stopped.until(1)
        await context.within(Promise.all([stopped.subscription.stopIntake(), stopped.subscription.stopIntake()]), 'stopIntake')
        await context.within(stopped.subscription.stopIntake(), 'stopIntake once more')
        await context.publish(adapter, record(topic, 'after'))
        await context.quiet()
        assert.deepEqual(stopped.texts, ['before'])
        assert.equal(await stopped.settle(0), 'settled')
        await context.within(stopped.subscription[Symbol.asyncDispose](), 'disposal')
        const next = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await next.until(1)
        assert.deepEqual(next.texts, ['after'])
      },
    },
    {
      id: 'ended-by-disposal',
      title: 'disposing of a subscription is idempotent and ends it without an error',
      async run(context) {
        const adapter = await context.connected()
        const { subscription } = await context.subscribe(adapter, { topics: [await context.topic()] }, ack)
        await context.within(Promise.all([subscription[Symbol.asyncDispose](), subscription[Symbol.asyncDispose]()]), 'disposal')
        await context.within(subscription[Symbol.asyncDispose](), 'disposal once more')
        assert.equal(await context.within(subscription.ended, 'the end'), undefined)
        await context.within(subscription.stopIntake(), 'stopIntake after disposal')
      },
    },
    {
      id: 'ended-by-adapter',
      title: 'disposing of an adapter is idempotent and ends its subscriptions',
      async run(context) {
        const adapter = await context.connected()
        const { subscription } = await context.subscribe(adapter, { topics: [await context.topic()] }, ack)
        await context.within(Promise.all([adapter[Symbol.asyncDispose](), adapter[Symbol.asyncDispose]()]), 'disposal')
        await context.within(adapter[Symbol.asyncDispose](), 'disposal once more')
        assert.equal(await context.within(subscription.ended, 'the end'), undefined)
        await context.within(subscription[Symbol.asyncDispose](), 'disposal of the subscription after that')
      },
    },
    {
      id: 'ended-by-broker',
      title: 'a subscription whose topic is deleted ends with an error',
      needs: ['deleteTopic'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const { subscription } = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        await context.broker.deleteTopic?.(topic)
        const error = await context.within(subscription.ended, 'the end')
        assert(error instanceof CommunicationError, `it ended with ${String(error)}`)
        assert.match(error.message, new RegExp(topic.replaceAll('.', '\\.')))
        await context.within(subscription[Symbol.asyncDispose](), 'disposal')
      },
    },
    {
      id: 'dispose-unconnected',
      title: 'an adapter that never connected can be disposed of',
      async run(context) {
        const adapter = await context.adapter()
        await context.within(adapter[Symbol.asyncDispose](), 'disposal')
      },
    },
    {
      id: 'closed',
      title: 'after disposal every method is refused with COMM_CLOSED, and health is down',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        await context.within(adapter[Symbol.asyncDispose](), 'disposal')
        const calls: readonly ((adapter: BrokerAdapter) => Promise<unknown>)[] = [
          (closed) => closed.connect(context.signal),
          (closed) => closed.publish([record(topic, 'late')], context.signal),
          (closed) => closed.subscribe({ topics: [topic], maxUnsettled: 1, lanes: 'none' }, () => undefined),
          ...(adapter.admin === undefined ? [] : [(closed: BrokerAdapter) => context.admin(closed).lag(topic, 'group')]),
        ]
        for (const call of calls) await assert.rejects(call(adapter), isClosed)
        assert.equal((await adapter.health()).status, 'down')
      },
    },
    {
      id: 'health',
      title: 'health is down before connect and up after it',
      async run(context) {
        const adapter = await context.adapter()
        const before = await context.within(adapter.health(), 'a health check')
        assert.equal(before.status, 'down')
        assert(before.reason, 'a broker that is down says why')
        await context.within(adapter.connect(context.signal), 'connecting')
        assert.equal((await context.within(adapter.health(), 'a health check')).status, 'up')
      },
    },
    {
      id: 'nothing-left',
      title: 'a busy adapter leaves no timer, no socket and no listener behind',
      async run(context) {
        await leavesNothing(context, async () => {
          const adapter = await context.connected()
          const topic = await context.topic()
          const held = await context.subscribe(adapter, { topics: [topic] }, hold)
          const settled = await context.subscribe(adapter, { topics: [topic] }, ack)
          await context.publish(adapter, record(topic, 'a'), record(topic, 'b'))
          if (context.broker.features.delay) {
            await context.publish(adapter, record(topic, 'later', { notBefore: Date.now() + 3_600_000 }))
          }
          await Promise.all([held.until(2), settled.until(2)])
          await context.within(adapter[Symbol.asyncDispose](), 'disposal')
        })
      },
    },
  ],
}

function isError(code: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof CommunicationError && thrown.code === code
}
