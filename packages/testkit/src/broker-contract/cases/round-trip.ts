import assert from 'node:assert/strict'
import { record, utf8 } from '../case-context.ts'
import { ack } from '../collector.ts'
import type { ContractTheme } from '../contract.ts'

const TEXT = 'Grüße, Ελλάδα, 日本語, 👩‍🚀, "quoted"\r\n\ttabbed'
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte)
const BODIES: readonly Uint8Array[] = [
  new Uint8Array(0),
  new Uint8Array([0]),
  new Uint8Array([0, 0, 0]),
  EVERY_BYTE,
  utf8(TEXT),
  utf8('{"id":7}'),
]
/** No valid UTF-8, so that nothing can take it for text. */
const BINARY = new Uint8Array([0xff, 0, 0xfe, 0x80, 1])

export const roundTrip: ContractTheme = {
  name: 'round trip',
  cases: [
    {
      id: 'bodies',
      title: 'bodies arrive as they were sent: empty, NUL, every byte, unicode',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(
          adapter,
          { topics: [topic], maxUnsettled: 1, ordered: true, ...context.anyGroup() },
          ack,
        )
        for (const [index, body] of BODIES.entries()) {
          await context.publish(adapter, { topic, key: 'k', body, headers: {} })
          await collector.until(index + 1)
        }
        assert.deepEqual(
          collector.received.map(({ body }) => [...body]),
          BODIES.map((body) => [...body]),
        )
        for (const { body } of collector.received) assert(body instanceof Uint8Array)
      },
    },
    {
      id: 'large-body',
      title: 'a large body arrives whole',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        const length = Math.min(context.limits.largeBodyBytes, adapter.features.maxBodyBytes ?? Number.POSITIVE_INFINITY)
        const body = Buffer.alloc(length, EVERY_BYTE)
        await context.publish(adapter, { topic, body, headers: {} })
        await collector.until(1)
        assert(Buffer.from(collector.at(0).body).equals(body), `${collector.at(0).body.length} of ${length} bytes, or others`)
      },
    },
    {
      id: 'text-headers',
      title: 'text headers arrive as text: unicode, empty, long, many',
      needs: ['headers'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        const headers = {
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          'content-type': 'application/json',
          unicode: TEXT,
          empty: '',
          number: '42',
          long: 'x'.repeat(4000),
          ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`many-${index}`, String(index)])),
        }
        await context.publish(adapter, record(topic, 'body', { headers }))
        await collector.until(1)
        const received = collector.at(0).headers
        for (const [name, value] of Object.entries(headers)) assert.equal(received[name], value, `header ${name}`)
      },
    },
    {
      id: 'binary-headers',
      title: 'binary headers arrive as their bytes',
      needs: ['headers'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        await context.publish(adapter, record(topic, 'body', { headers: { binary: BINARY } }))
        await collector.until(1)
        const value = collector.at(0).headers.binary
        assert(value instanceof Uint8Array, `a header value of type ${typeof value}`)
        assert.deepEqual([...value], [...BINARY])
      },
    },
    {
      id: 'no-strange-headers',
      title: 'a record without headers arrives without any that could be taken for its publisher’s',
      needs: ['headers'],
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        await context.publish(adapter, record(topic, 'body'))
        await collector.until(1)
        assert.deepEqual(Object.keys(collector.at(0).headers), [])
      },
    },
    {
      id: 'metadata',
      title: 'topic, key, id and time arrive with the record',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        const before = Date.now()
        const keys = ['order-7', 'ключ 🔑', undefined]
        for (const key of keys) await context.publish(adapter, record(topic, String(key), key === undefined ? {} : { key }))
        await collector.until(keys.length)
        for (const delivery of collector.received) {
          assert.equal(delivery.topic, topic)
          assert.equal(String(delivery.key), new TextDecoder().decode(delivery.body), 'the key')
          assert.equal(delivery.lost.aborted, false)
          if (delivery.timestamp === undefined) continue
          assert(
            Math.abs(delivery.timestamp - before) < CLOCKS_DIFFER_MS,
            `the time is ${delivery.timestamp}, it was sent at ${before}`,
          )
        }
        assert.equal(new Set(collector.received.map(({ id }) => id)).size, keys.length, 'ids differ')
      },
    },
    {
      id: 'publisher-reuses-buffer',
      title: 'a publisher may reuse its buffers once publish has resolved',
      async run(context) {
        const adapter = await context.connected()
        const topic = await context.topic()
        const collector = await context.subscribe(adapter, { topics: [topic], ...context.anyGroup() }, ack)
        const body = Buffer.from('first')
        await context.publish(adapter, { topic, body, headers: {} })
        body.write('other')
        await collector.until(1)
        assert.deepEqual(collector.texts, ['first'])
      },
    },
  ],
}

/** The broker's clock is not ours. */
const CLOCKS_DIFFER_MS = 60_000
