import assert from 'node:assert/strict'
import { currentContext, withContext } from '@comm/core'
import type { Delivery } from '@comm/messaging'
import type { PipelineCase } from '../case.ts'

export const format: readonly PipelineCase[] = [
  {
    id: 'format.bodies',
    title: 'JSON, text and bytes arrive as they were published',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy()]
      await client.subscribe(topic, spy, { ...context.member(), concurrency: 1 })
      const bodies = [{ id: 7, name: 'Zoë ✓', nested: [1, null] }, [], 0, false, null, '', 'text', new Uint8Array([0, 255, 10])]
      for (const body of bodies) await client.publish(topic, body)
      await context.called(spy, bodies.length)
      for (const body of bodies) {
        const found = spy.messages.some((message) => {
          const received = message instanceof Uint8Array ? new Uint8Array(message) : message
          return isEqual(received, body)
        })
        assert(found, `${JSON.stringify(body)} did not arrive`)
      }
    },
  },
  {
    id: 'format.meta',
    title: 'the handler is told topic, group, key, id, source, headers and attempt',
    run: async (context) => {
      const client = await context.client({ source: '/orders' })
      const [topic, member, spy] = [await context.topic(), context.member(), context.spy()]
      await client.subscribe(topic, spy, member)
      await client.publish(topic, 1, { key: 'k', id: 'message-1', type: 'com.example.order', headers: { tenant: 'acme' } })
      await context.called(spy, 1)
      const meta = spy.calls[0]?.[1]
      assert(meta)
      const { id, source, type, key, attempt } = meta
      assert.deepEqual(
        { topic: meta.topic, group: meta.group, id, source, type, key, attempt },
        { topic, group: member.group, id: 'message-1', source: '/orders', type: 'com.example.order', key: 'k', attempt: 1 },
      )
      assert.equal(meta.headers['tenant'], 'acme')
      assert(!Number.isNaN(Date.parse(meta.time ?? '')), `time ${meta.time} is not RFC 3339`)
    },
  },
  {
    id: 'format.correlation',
    title: 'the correlation id goes from the publisher to the handler, and on to what the handler publishes',
    run: async (context) => {
      const client = await context.client()
      const [first, second] = [await context.topic(), await context.topic()]
      const seen: (string | undefined)[] = []
      const last = context.spy((_, meta) => seen.push(meta.correlationId))
      await client.subscribe(second, last, context.member())
      await client.subscribe(
        first,
        async () => {
          seen.push(currentContext()?.correlationId)
          await client.publish(second, 2)
        },
        context.member(),
      )
      await withContext({ correlationId: 'order-7' }, () => client.publish(first, 1))
      await context.called(last, 1)
      assert.deepEqual(seen, ['order-7', 'order-7'])
    },
  },
  {
    id: 'format.foreign',
    title: 'a message of a plain client, without any of our headers, is handled',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy()]
      await client.subscribe(topic, spy, context.member())
      const adapter = await context.adapter()
      const body = new TextEncoder().encode('{"plain":true}')
      await adapter.publish([{ topic, body, headers: {} }], new AbortController().signal)
      await context.called(spy, 1)
      assert.deepEqual(spy.messages[0], { plain: true })
      assert(spy.calls[0]?.[1].id, 'it has an id all the same')
    },
  },
  {
    id: 'format.open',
    title: 'a plain client sees CloudEvents attributes in headers and the body as it is',
    needs: ['headers'],
    run: async (context) => {
      const client = await context.client({ source: '/orders' })
      const topic = await context.topic()
      const adapter = await context.adapter()
      const received: Delivery[] = []
      await adapter.subscribe({ topics: [topic], ...context.member(), maxUnsettled: 1, lanes: 'none' }, (delivery) => {
        received.push(delivery)
        void delivery.settle('ack')
      })
      await client.publish(topic, { id: 7 }, { id: 'message-1' })
      const [delivery] = await context.waitFor('the message', () => (received.length > 0 ? received : undefined))
      assert.equal(new TextDecoder().decode(delivery?.body), '{"id":7}')
      const {
        'content-type': contentType,
        ce_specversion: version,
        ce_id: id,
        ce_source: source,
        ce_type: type,
      } = delivery?.headers ?? {}
      assert.deepEqual([contentType, version, id, source, type], ['application/json', '1.0', 'message-1', '/orders', topic])
    },
  },
  {
    id: 'format.expiry',
    title: 'a message whose time is over is not handled',
    run: async (context) => {
      const client = await context.client()
      const [topic, spy] = [await context.topic(), context.spy()]
      await client.subscribe(topic, spy, context.member())
      await client.publish(topic, 'stale', { expiresAt: Date.now() - 1000, unroutable: 'ignore' })
      await client.publish(topic, 'fresh', { expiresAt: Date.now() + 60_000 })
      await context.called(spy, 1)
      assert.deepEqual(spy.messages, ['fresh'])
    },
  },
]

function isEqual(left: unknown, right: unknown): boolean {
  try {
    assert.deepEqual(left, right)
    return true
  } catch {
    return false
  }
}
