import assert from 'node:assert/strict'
import { CommunicationError, ConnectionError } from '@comm/core'
import { numbered, record } from '../case-context.ts'
import { ack } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

export const publishing: ContractTheme = {
  name: 'publishing',
  cases: [
    {
      id: 'publish-nothing',
      title: 'publishing no records gives no results',
      async run(context) {
        assert.deepEqual(await context.results(await context.connected(), []), [])
      },
    },
    {
      id: 'result-per-record',
      title: 'there is one result per record, in order, and a refused one does not spoil the others',
      needs: ['detectsUnroutable'],
      async run(context) {
        const adapter = await context.connected()
        const [taken, untaken] = [await context.topic(), context.name('nobody.')]
        const collector = await context.subscribe(adapter, { topics: [taken], ...context.anyGroup() }, ack)
        const results = await context.results(adapter, [
          record(taken, 'a'),
          record(untaken, 'b'),
          record(taken, 'c'),
          record(untaken, 'd'),
        ])
        assert.deepEqual(
          results.map(({ ok }) => ok),
          [true, false, true, false],
        )
        await collector.until(2)
        assert.deepEqual(collector.texts.toSorted(), ['a', 'c'])
      },
    },
    {
      id: 'concurrent-publishes',
      title: 'many calls at once: each gets its own results, and the order of each key is kept',
      needs: ['detectsUnroutable'],
      async run(context) {
        const adapter = await context.connected()
        const [taken, untaken] = [await context.topic(), context.name('nobody.')]
        const request = { topics: [taken], lanes: 'key', ordered: true, maxUnsettled: 100, ...context.anyGroup() } as const
        const collector = await context.subscribe(adapter, request, ack)
        const [callers, calls, size] = [10, 5, 4]
        const each = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
        // A key belongs to one caller, who waits for a call before the next; the callers wait for nobody.
        const one = async (caller: number): Promise<void> => {
          for (const call of each(calls)) {
            const lost = (caller + call) % (size + 1)
            const records = each(size).map((index) =>
              record(index === lost ? untaken : taken, `${caller}-${call}-${index}`, { key: `key-${caller}` }),
            )
            const results = await context.results(adapter, records)
            const expected = each(size).map((index) => index !== lost)
            assert.deepEqual(
              results.map(({ ok }) => ok),
              expected,
              `results of call ${call} of caller ${caller}`,
            )
          }
        }
        await Promise.all(each(callers).map(one))
        const stored = each(callers).map((caller) =>
          each(calls).flatMap((call) =>
            each(size).flatMap((index) => (index === (caller + call) % (size + 1) ? [] : [`${caller}-${call}-${index}`])),
          ),
        )
        await collector.until(stored.flat().length)
        const isOrdered = context.broker.features.ordering !== 'none'
        for (const [caller, expected] of stored.entries()) {
          const received = collector.texts.filter((text) => text.startsWith(`${caller}-`))
          assert.deepEqual(isOrdered ? received : received.toSorted(), isOrdered ? expected : expected.toSorted())
        }
      },
    },
    {
      id: 'unroutable',
      title: 'a record that nobody takes is refused with COMM_UNROUTABLE, and certainly not stored',
      needs: ['detectsUnroutable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = context.name('nobody.')
        const [result] = await context.results(adapter, [record(topic, 'a')])
        assert(result && !result.ok, 'it was accepted')
        assert.equal(result.stored, 'no')
        assert.equal(result.error.code, 'COMM_UNROUTABLE')
        assert.equal(result.error.retryable, false)
        assert(result.error.message.includes(topic), `the message names the topic: ${result.error.message}`)
      },
    },
    {
      id: 'unroutable-ignored',
      title: "with unroutable: 'ignore' a record that nobody takes is accepted",
      async run(context) {
        const adapter = await context.connected()
        await context.publish(adapter, record(await context.topic(), 'a', { unroutable: 'ignore' }))
      },
    },
    {
      id: 'too-large',
      title: 'a body beyond the broker’s limit is refused, for good, and the others are stored',
      needs: ['maxBodyBytes'],
      async run(context) {
        const adapter = await context.connected()
        const { maxBodyBytes = 0 } = adapter.features
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        const large = { topic, body: new Uint8Array(maxBodyBytes + 1), headers: {} }
        const [first, second, third] = await context.results(adapter, [record(topic, 'a'), large, record(topic, 'b')])
        assert(first?.ok && third?.ok && second && !second.ok)
        assert.deepEqual([second.stored, second.error.retryable], ['no', false])
        await collector.until(2)
        assert.deepEqual(collector.texts.toSorted(), ['a', 'b'])
      },
    },
    {
      id: 'publish-unconnected',
      title: 'publish and subscribe are refused at once while there is no connection',
      async run(context) {
        const adapter = await context.adapter()
        const topic = await context.topic()
        const results = await context.results(adapter, numbered(topic, 3))
        for (const result of results) {
          assert(!result.ok && result.stored === 'no', 'it was accepted, or may be stored')
          assert(result.error instanceof ConnectionError, `it was refused with ${result.error}`)
        }
        const subscribing = adapter.subscribe({ topics: [topic], maxUnsettled: 1, lanes: 'none' }, () => undefined)
        await assert.rejects(context.within(subscribing, 'a refused subscribe'), ConnectionError)
      },
    },
    {
      id: 'publish-aborted',
      title: 'a publish whose signal is aborted already sends nothing',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const results = await context.results(adapter, numbered(topic, 3), AbortSignal.abort(new Error('never mind')))
        for (const result of results) {
          assert(!result.ok && result.stored === 'no', 'it was accepted, or may be stored')
          assert.equal(result.error.code, 'COMM_ABORTED')
        }
        await context.publish(adapter, record(topic, 'after'))
        const collector = await context.subscribe(adapter, { topics: [topic], group }, ack)
        await collector.until(1)
        assert.deepEqual(collector.texts, ['after'])
      },
    },
    {
      id: 'abort-during-publish',
      title: 'an abort during publish answers for every record, and truthfully',
      needs: ['groups', 'durable'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const group = await context.group(adapter, topic)
        const controller = new AbortController()
        const records = numbered(topic, 50)
        const publishing = context.results(adapter, records, controller.signal)
        controller.abort(new Error('too late'))
        const results = await publishing
        for (const result of results) assert(result.ok || result.error instanceof CommunicationError)
        await context.publish(adapter, record(topic, 'after', { key: 'k' }))
        const collector = await context.subscribe(adapter, { topics: [topic], group, maxUnsettled: 100 }, ack)
        const confirmed = records.flatMap((_, index) => (results[index]?.ok ? [String(index)] : []))
        await collector.until(
          () => [...confirmed, 'after'].every((text) => collector.texts.includes(text)),
          'every confirmed record',
        )
        for (const [index, result] of results.entries()) {
          if (!result.ok && result.stored === 'no')
            assert(!collector.texts.includes(String(index)), `record ${index} was not to be stored`)
        }
      },
    },
    {
      id: 'confirmed-is-stored',
      title: 'what was confirmed is there, though its publisher leaves at once',
      needs: ['groups', 'durable'],
      async run(context) {
        const [publisher, consumer] = [await context.connected(), await context.connected()]
        const topic = await context.topic()
        const group = await context.group(consumer, topic)
        await context.publish(publisher, ...numbered(topic, 20))
        await context.within(publisher[Symbol.asyncDispose](), 'disposal')
        const collector = await context.subscribe(consumer, { topics: [topic], group }, ack)
        await collector.until(20)
      },
    },
  ],
}
