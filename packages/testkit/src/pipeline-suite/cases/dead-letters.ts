import assert from 'node:assert/strict'
import { ValidationError } from '@comm/core'
import { DEAD_LETTER_GROUP, type Delivery, deadLetter, deadTopic } from '@comm/messaging'
import type { PipelineCase } from '../case.ts'

export const deadLetters: readonly PipelineCase[] = [
  {
    id: 'dead.attempts',
    title: 'after the last attempt the message lies in the dead-letter topic, saying why, since when and how often it was tried',
    needs: ['groups', 'admin'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const spy = context.spy().usually(() => {
        throw new TypeError('cannot read order')
      })
      const before = Date.now()
      await client.subscribe(topic, spy, { group, retry: { maxAttempts: 2, backoff: context.backoff } })
      await client.publish(topic, { id: 7 }, { id: 'message-1', key: 'k', headers: { tenant: 'acme' } })
      const letters = client.deadLetters(topic, group)
      const [letter] = await context.waitFor('the dead letter', async () =>
        (await letters.count()) > 0 ? letters.list() : undefined,
      )
      assert(letter)
      const { messageId, key, reason, code, message, attempts, replays, body } = letter
      assert.deepEqual(
        { messageId, topic: letter.topic, group: letter.group, key, reason, code, message, attempts, replays, body },
        {
          messageId: 'message-1',
          topic,
          group,
          key: 'k',
          reason: 'attempts',
          code: 'COMM_UNKNOWN',
          message: 'cannot read order',
          attempts: 2,
          replays: 0,
          body: { id: 7 },
        },
      )
      assert.equal(letter.headers['tenant'], 'acme')
      assert((letter.firstSeenAt ?? 0) >= before && (letter.diedAt ?? 0) >= (letter.firstSeenAt ?? 0), 'times are kept')
      assert.equal(spy.calls.length, 2)
    },
  },
  {
    id: 'dead.consumable',
    title: 'the dead-letter topic can be consumed like any other',
    needs: ['groups', 'headers'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const adapter = await context.adapter()
      const dead: Delivery[] = []
      await adapter.subscribe(
        { topics: [deadTopic(topic, group)], group: DEAD_LETTER_GROUP, maxUnsettled: 1, lanes: 'none' },
        (delivery) => {
          dead.push(delivery)
          void delivery.settle('ack')
        },
      )
      await client.subscribe(topic, () => deadLetter('unknown customer'), { group })
      await client.publish(topic, { id: 7 })
      const [delivery] = await context.waitFor('the dead letter', () => (dead.length > 0 ? dead : undefined))
      assert.equal(new TextDecoder().decode(delivery?.body), '{"id":7}')
    },
  },
  {
    id: 'dead.at-once',
    title: 'what no retry can mend dies at once: a verdict of the handler, an error of ours that is not retryable',
    needs: ['groups', 'admin'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const spy = context.spy()
      spy.next(() => deadLetter('unknown customer')).fails(1, new ValidationError('the total is negative'))
      await client.subscribe(topic, spy, { group, concurrency: 1 })
      await client.publish(topic, 1)
      await client.publish(topic, 2)
      const letters = client.deadLetters(topic, group)
      await context.waitFor('two dead letters', async () => (await letters.count()) === 2)
      const found = (await letters.list()).map(({ reason, code, message, attempts }) => [reason, code, message, attempts])
      assert.deepEqual(found, [
        ['rejected', 'COMM_CONSUME', 'unknown customer', 1],
        ['error', 'COMM_VALIDATION', 'the total is negative', 1],
      ])
      assert.equal(spy.calls.length, 2)
    },
  },
  {
    id: 'dead.replay',
    title: 'a replay reaches the group that failed, with attempts begun anew, and leaves the dead-letter topic empty',
    needs: ['groups', 'admin.remove'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const [failing, healthy] = [context.spy().next(() => deadLetter('not yet')), context.spy()]
      await client.subscribe(topic, failing, { group })
      await client.subscribe(topic, healthy, { group: context.group() })
      await client.publish(topic, { id: 7 }, { id: 'message-1' })
      const letters = client.deadLetters(topic, group)
      await context.waitFor('the dead letter', async () => (await letters.count()) === 1)
      const dry = await letters.replay({ dryRun: true })
      assert.deepEqual([dry.replayed.length, dry.removed, await letters.count()], [1, 0, 1])
      const none = await letters.replay({ where: ({ messageId }) => messageId === 'another' })
      assert.equal(none.replayed.length, 0)
      const report = await letters.replay()
      assert.deepEqual([report.replayed.length, report.removed, report.failed.length], [1, 1, 0])
      await context.called(failing, 2)
      const meta = failing.calls[1]?.[1]
      assert.deepEqual([meta?.attempt, meta?.id, failing.messages[1]], [1, 'message-1', { id: 7 }])
      assert.equal(await letters.count(), 0)
      assert.equal(healthy.calls.length, 1)
    },
  },
  {
    id: 'dead.loop-guard',
    title: 'a message that keeps dying is not replayed for ever',
    needs: ['groups', 'admin.remove'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      await client.subscribe(topic, () => deadLetter('never'), { group })
      await client.publish(topic, 1)
      const letters = client.deadLetters(topic, group)
      for (let replays = 0; replays < 2; replays++) {
        await context.waitFor(`the letter after ${replays} replays`, async () => (await letters.list())[0]?.replays === replays)
        assert.equal((await letters.replay({ maxReplays: 2 })).replayed.length, 1)
      }
      await context.waitFor('the letter after two replays', async () => (await letters.list())[0]?.replays === 2)
      const last = await letters.replay({ maxReplays: 2 })
      assert.deepEqual([last.replayed.length, last.refused.length], [0, 1])
    },
  },
  {
    id: 'dead.pattern',
    title: 'a subscription by pattern keeps the dead letters of each topic apart, and never gets its own back',
    needs: ['groups', 'admin', 'patterns'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      const spy = context.spy(() => deadLetter('never'))
      await client.subscribe(`${topic}.#`, spy, { group })
      await client.publish(`${topic}.paid`, 1)
      await client.publish(`${topic}.sent`, 2)
      for (const name of [`${topic}.paid`, `${topic}.sent`]) {
        const letters = client.deadLetters(name, group)
        await context.waitFor(`the dead letter of ${name}`, async () => (await letters.count()) === 1)
      }
      assert.equal(spy.calls.length, 2)
    },
  },
  {
    id: 'dead.purge',
    title: 'purge throws the letters of the group away',
    needs: ['groups', 'admin'],
    run: async (context) => {
      const client = await context.client()
      const [topic, group] = [await context.topic(), context.group()]
      await client.subscribe(topic, () => deadLetter('never'), { group })
      await client.publish(topic, 1)
      const letters = client.deadLetters(topic, group)
      await context.waitFor('the dead letter', async () => (await letters.count()) === 1)
      assert.equal(await letters.purge(), 1)
      assert.equal(await letters.count(), 0)
    },
  },
]
