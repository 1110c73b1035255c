import assert from 'node:assert/strict'
import { topic as declare } from '@comm/messaging'
import type { PipelineCase } from '../case.ts'

/** A schema without a library: `{ id: number }`. */
const order = {
  '~standard': {
    version: 1,
    vendor: 'testkit',
    validate: (value: unknown) =>
      typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'number'
        ? { value: { id: value.id } }
        : { issues: [{ message: 'expected a number', path: ['id'] }] },
  },
} as const

export const poison: readonly PipelineCase[] = [
  {
    id: 'poison.undecodable',
    title: 'a body that is not what its content type says dies at once, and the consumer goes on',
    needs: ['groups', 'admin', 'headers'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group, spy] = [await context.topic(), context.group(), context.spy()]
      await client.subscribe(topic, spy, { group, concurrency: 1 })
      const adapter = await context.adapter()
      const body = new TextEncoder().encode('{"id":')
      const { signal } = new AbortController()
      await adapter.publish([{ topic, body, headers: { 'content-type': 'application/json' } }], signal)
      await adapter.publish([{ topic, body, headers: { 'content-type': 'application/avro' } }], signal)
      await client.publish(topic, 'after')
      await context.called(spy, 1)
      assert.deepEqual(spy.messages, ['after'])
      const letters = client.deadLetters(topic, group)
      await context.waitFor('two dead letters', async () => (await letters.count()) === 2)
      const found = (await letters.list()).map(({ reason, code }) => [reason, code])
      assert.deepEqual(found, [
        ['undecodable', 'COMM_UNDECODABLE'],
        ['undecodable', 'COMM_UNDECODABLE'],
      ])
    },
  },
  {
    id: 'poison.schema',
    title: 'a body that does not match the schema dies at once, and the consumer goes on',
    needs: ['groups', 'admin'],
    run: async (context) => {
      const client = await context.client()
      const [name, group, spy] = [await context.topic(), context.group(), context.spy()]
      await client.subscribe(declare(name, order), spy, { group, concurrency: 1 })
      await client.publish(name, { id: 'seven' })
      await client.publish(name, { id: 7, extra: true })
      await context.called(spy, 1)
      assert.deepEqual(spy.messages, [{ id: 7 }])
      const letters = client.deadLetters(name, group)
      const [letter] = await context.waitFor('the dead letter', async () =>
        (await letters.count()) === 1 ? letters.list() : undefined,
      )
      assert.deepEqual([letter?.reason, letter?.code], ['schema', 'COMM_VALIDATION'])
      assert.match(letter?.message ?? '', /id: expected a number/)
    },
  },
  {
    id: 'poison.thrown-values',
    title: 'a handler that throws what is no Error fails like any other',
    needs: ['groups', 'admin'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const spy = context.spy().fails(1, undefined)
      for (const thrown of [null, 'text', 7, { toString: null }]) spy.fails(1, thrown)
      await client.subscribe(topic, spy, { group, concurrency: 1, retry: { maxAttempts: 1 } })
      for (let index = 0; index < 6; index++) await client.publish(topic, index)
      await context.called(spy, 6)
      const letters = client.deadLetters(topic, group)
      await context.waitFor('five dead letters', async () => (await letters.count()) === 5)
    },
  },
]
