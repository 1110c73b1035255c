import { type ManualMeta, MemoryBroker, type MessageMeta, subscribe, subscribeAll, topic } from '@comm/messaging'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'

const orderCreated = topic('order.created', z.object({ id: z.number(), note: z.string().default('none') }))

class Mailer {
  readonly sent: unknown[] = []
  readonly #sender: string

  constructor(sender: string) {
    this.#sender = sender
  }

  @subscribe('user.created', { group: 'mail' })
  @subscribe('user.invited', { group: 'mail' })
  async welcome({ email }: { email: string }, { topic: name }: MessageMeta): Promise<void> {
    this.sent.push([this.#sender, email, name])
  }

  @subscribe(orderCreated, { group: 'mail', ack: 'manual' })
  confirm(order: { id: number; note: string }, meta: ManualMeta): void {
    this.sent.push([this.#sender, order, meta.ack()])
  }
}

describe('@subscribe', () => {
  it('makes methods handlers of an instance, with its private state, typed topics and manual acknowledgement', async () => {
    await using broker = new MemoryBroker()
    const mailer = new Mailer('shop')
    const unused = new Mailer('unused')
    const subscriptions = await subscribeAll(broker, mailer)
    expect(subscriptions.map(({ topics }) => topics[0]).sort()).toEqual(['order.created', 'user.created', 'user.invited'])
    await broker.publish('user.created', { email: 'ada@example.org' })
    await broker.publish('user.invited', { email: 'bob@example.org' })
    await broker.publish(orderCreated, { id: 7 })
    await waitFor(() => mailer.sent.length === 3, { what: 'three messages' })
    expect(mailer.sent).toEqual(
      expect.arrayContaining([
        ['shop', 'ada@example.org', 'user.created'],
        ['shop', 'bob@example.org', 'user.invited'],
        ['shop', { id: 7, note: 'none' }, true],
      ]),
    )
    expect(unused.sent).toEqual([])
  })

  it('looks at names alone: a schema may hold anything', async () => {
    const schema = { '~standard': z.number()['~standard'], limit: 10n, self: {} }
    schema.self = schema
    class Counter {
      readonly counted: number[] = []
      @subscribe(topic('counted', schema), { group: 'a' })
      @subscribe(topic('added', schema), { group: 'b' })
      count(by: number): void {
        this.counted.push(by)
      }
    }
    await using broker = new MemoryBroker()
    expect(await subscribeAll(broker, new Counter())).toHaveLength(2)
  })

  it.each<[string, unknown, unknown, string]>([
    ['no owner', new MemoryBroker(), null, 'subscribeAll owner must be an object or a function, got null'],
    ['no client', undefined, new Mailer('shop'), 'subscribeAll client must be a client (with subscribe()), got undefined'],
  ])('refuses %s', async (_, client, owner, message) => {
    await expect(subscribeAll(client as MemoryBroker, owner as object)).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message,
    })
  })

  it('a subclass that overrides a method is called instead, once', async () => {
    class Silent extends Mailer {
      readonly kept: string[] = []
      @subscribe('user.created', { group: 'silent' })
      override async welcome({ email }: { email: string }): Promise<void> {
        this.kept.push(email)
      }
    }
    await using broker = new MemoryBroker()
    const silent = new Silent('shop')
    const subscriptions = await subscribeAll(broker, silent)
    expect(subscriptions).toHaveLength(3)
    await broker.publish('user.created', { email: 'a' })
    await broker.publish('user.invited', { email: 'b' })
    await waitFor(() => silent.kept.length === 2, { what: 'two messages' })
    expect(silent.kept.sort()).toEqual(['a', 'b'])
    expect(silent.sent).toEqual([])
  })

  it('takes static methods from their class, and private ones', async () => {
    const seen: unknown[] = []
    class Counter {
      @subscribe('counted', { group: 'g' })
      static count(body: unknown): void {
        seen.push(body)
      }
      @subscribe('hidden', { group: 'g' })
      // biome-ignore lint/correctness/noUnusedPrivateClassMembers: the decorator uses it
      #hidden(body: unknown): void {
        seen.push(body)
      }
    }
    await using broker = new MemoryBroker()
    await subscribeAll(broker, Counter)
    await subscribeAll(broker, new Counter())
    await broker.publish('counted', 1)
    await broker.publish('hidden', 2)
    await waitFor(() => seen.length === 2, { what: 'two messages' })
  })

  it('is all or nothing, and refuses what declares nothing', async () => {
    class Wrong {
      @subscribe('right', { group: 'g' })
      right(): void {}
      @subscribe('not a topic', { group: 'g' })
      wrong(): void {}
    }
    await using broker = new MemoryBroker()
    await expect(subscribeAll(broker, new Wrong())).rejects.toMatchObject({ code: 'COMM_CONFIGURATION' })
    await expect(broker.publish('right', 1, { timeoutMs: 1000 })).resolves.toBeUndefined()
    expect(broker.stats.consumed).toBe(0)
    await expect(subscribeAll(broker, new Date())).rejects.toMatchObject({
      message: 'subscribeAll got an instance of Date, none of whose methods has a @subscribe decorator',
    })
  })

  it('refuses a method of another type at compile time', () => {
    class Typed {
      // @ts-expect-error the topic's messages have a numeric id
      @subscribe(orderCreated)
      wrong(_order: { id: string }): void {}
      // @ts-expect-error only `ack: 'manual'` gives the means to acknowledge
      @subscribe('a')
      automatic(_body: unknown, _meta: ManualMeta): void {}
    }
    expect(new Typed()).toBeInstanceOf(Typed)
  })
})
