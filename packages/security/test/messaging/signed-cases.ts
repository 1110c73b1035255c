import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { constantBackoff, currentPrincipal, type DedupStore, MemoryDedupStore, type MessageGuard } from '@comm/core'
import type { HeaderValue, MessageClient, MessageClientOptions } from '@comm/messaging'
import { SIGNATURE_HEADER, type SignedMessagesOptions, type Signer, signedMessages } from '@comm/security/messaging'
import { waitFor } from '@comm/testkit'
import { afterEach, describe, expect, it } from '@jest/globals'
import { keptLog, securityLines } from '../support/audit.ts'

export interface SignedBroker {
  /** A client of the one broker. */
  client(options: MessageClientOptions): MessageClient
  /** The name of a topic that no other test uses. */
  topic(name: string): string
  stop(): Promise<void>
}

interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const pairs: Readonly<Record<'shop' | 'reader' | 'stranger', KeyPair>> = {
  shop: generateKeyPairSync('ed25519'),
  reader: generateKeyPairSync('ed25519'),
  stranger: generateKeyPairSync('ed25519'),
}

/** The same table on every broker. */
export function signedCases(name: string, start: () => Promise<SignedBroker>): void {
  let broker: SignedBroker | undefined
  const clients: MessageClient[] = []
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
    await broker?.stop()
    broker = undefined
  })

  async function setUp(options: Partial<SignedMessagesOptions> = {}) {
    broker = await start()
    const topic = broker.topic('order.created')
    const log = keptLog()
    const signers: readonly Signer[] = [
      { kid: 'shop', subject: 'shop', scopes: ['orders:publish'], key: { key: pairs.shop.publicKey } },
      { kid: 'reader', subject: 'reader', scopes: [], key: { key: pairs.reader.publicKey } },
    ]
    const topics = [{ topic, publish: ['orders:publish'], consume: ['orders:consume'] }]
    const common = { algorithms: ['EdDSA'], signers, topics } as const
    const signing = (
      kid: keyof typeof pairs,
      rules: SignedMessagesOptions['topics'] = topics,
      clock?: SignedMessagesOptions['clock'],
    ): MessageGuard =>
      signedMessages({
        ...common,
        signers: [
          ...signers,
          { kid: 'stranger', subject: 'stranger', scopes: ['orders:publish'], key: { key: pairs.stranger.publicKey } },
        ],
        topics: rules,
        sign: { key: { kid, key: pairs[kid].privateKey }, algorithm: 'EdDSA' },
        ...(clock === undefined ? {} : { clock }),
      })
    const store: DedupStore = new MemoryDedupStore()
    const self = { subject: 'billing', scopes: ['orders:consume'] }
    const verifying = signedMessages({ ...common, self, replay: { store }, logger: log.logger, ...options })
    const open = (guards: readonly MessageGuard[]): MessageClient => {
      const client = (broker as SignedBroker).client({ guards, group: 'billing' })
      clients.push(client)
      return client
    }
    const consumer = open([verifying])
    const handled: unknown[] = []
    const dead = async () =>
      (await consumer.deadLetters(topic).list()).map(({ reason, code, message }) => ({ reason, code, message }))
    return { topic, common, signing, open, consumer, handled, dead, store, ...log }
  }

  type Ready = Awaited<ReturnType<typeof setUp>>

  async function subscribed(options: Partial<SignedMessagesOptions> = {}): Promise<Ready> {
    const ready = await setUp(options)
    await ready.consumer.subscribe(ready.topic, (body) => void ready.handled.push([body, currentPrincipal()?.subject]))
    return ready
  }

  /** Lets the test see and change what is on the wire: it stands behind the guard that signs. */
  function wire(
    change: (record: { headers: Record<string, HeaderValue>; body: Uint8Array; topic: string }) => void,
  ): MessageGuard {
    return {
      outgoing: (message) => {
        const seen = { headers: { ...message.headers }, body: message.body, topic: message.topic }
        change(seen)
        return seen.headers
      },
    }
  }

  async function isDead(ready: Ready, count = 1): Promise<void> {
    await waitFor(async () => (await ready.dead()).length === count)
  }

  describe(`signed messages on ${name}`, () => {
    it('are let in, and the handler knows who signed them', async () => {
      const ready = await subscribed()
      await ready
        .open([ready.signing('shop')])
        .publish(ready.topic, { id: 7 }, { key: 'k', subject: 's', headers: { tenant: 't1' } })
      await waitFor(() => ready.handled.length === 1)
      expect(ready.handled).toEqual([[{ id: 7 }, 'shop']])
      expect(await ready.dead()).toEqual([])
    })

    it('are refused to the dead topic when nobody signed them', async () => {
      const ready = await subscribed()
      await ready.open([]).publish(ready.topic, { id: 7 })
      await isDead(ready)
      expect(await ready.dead()).toEqual([
        { reason: 'refused', code: 'COMM_MESSAGE_REFUSED', message: 'the message is not signed' },
      ])
      expect(securityLines(ready.entries())).toEqual([
        expect.objectContaining({
          outcome: 'failure',
          method: 'message-signature',
          reason: expect.stringContaining('missing: '),
        }),
      ])
      expect(ready.handled).toEqual([])
    })

    const FORGED = 'the signature of the message was refused: the signature was not made over this content with this key'
    it.each<[string, (headers: Record<string, HeaderValue>) => void, string]>([
      ['its id changed', (headers) => Object.assign(headers, { ce_id: 'another' }), FORGED],
      ['its time changed', (headers) => Object.assign(headers, { ce_time: '2030-01-01T00:00:00.000Z' }), FORGED],
      ['a header of its publisher changed', (headers) => Object.assign(headers, { tenant: 't2' }), FORGED],
      [
        'a header added',
        (headers) => Object.assign(headers, { role: 'admin' }),
        'the message has a header that its signature does not cover',
      ],
      [
        'a signature of nothing',
        (headers) => Object.assign(headers, { [SIGNATURE_HEADER]: 'e30..AAAA' }),
        'the signature does not say which headers it covers',
      ],
      [
        'a signature of garbage',
        (headers) => Object.assign(headers, { [SIGNATURE_HEADER]: '\u0000.\u0000' }),
        'the signature does not say which headers it covers',
      ],
    ])('are refused with %s', async (_what, change, message) => {
      const ready = await subscribed()
      const tampering = wire(({ headers }) => change(headers))
      await ready.open([ready.signing('shop'), tampering]).publish(ready.topic, { id: 7 }, { headers: { tenant: 't1' } })
      await isDead(ready)
      expect(await ready.dead()).toEqual([{ reason: 'refused', code: 'COMM_MESSAGE_REFUSED', message }])
      expect(ready.handled).toEqual([])
    })

    it('are refused with another body, or on another topic', async () => {
      const ready = await subscribed()
      let signature: Record<string, HeaderValue> = {}
      const keeping = wire(({ headers }) => {
        signature = { ...headers }
      })
      await ready.open([ready.signing('shop'), keeping]).publish(ready.topic, { id: 7 })
      await waitFor(() => ready.handled.length === 1)
      // The headers of one message around the body of another.
      await ready.open([{ outgoing: () => ({ ...signature, ce_id: 'x', ...signature }) }]).publish(ready.topic, { id: 8 })
      await isDead(ready)
      expect((await ready.dead())[0]?.message).toBe(FORGED)
      expect(ready.handled).toHaveLength(1)
    })

    it('are refused when they come a second time', async () => {
      const ready = await subscribed()
      let recorded: Record<string, HeaderValue> = {}
      const recording = wire(({ headers }) => {
        recorded = { ...headers }
      })
      await ready.open([ready.signing('shop'), recording]).publish(ready.topic, { id: 7 })
      await waitFor(() => ready.handled.length === 1)
      await ready.open([{ outgoing: () => recorded }]).publish(ready.topic, { id: 7 })
      await isDead(ready)
      expect(await ready.dead()).toEqual([
        { reason: 'refused', code: 'COMM_MESSAGE_REFUSED', message: 'the message was handled before' },
      ])
      expect(ready.handled).toHaveLength(1)
    })

    it('are let in again for a retry of their own', async () => {
      const ready = await setUp()
      let attempts = 0
      const retry = { maxAttempts: 3, backoff: constantBackoff({ baseMs: 10, jitter: 0 }) }
      await ready.consumer.subscribe(
        ready.topic,
        () => {
          if (++attempts < 3) throw new Error('not yet')
        },
        { retry },
      )
      await ready.open([ready.signing('shop')]).publish(ready.topic, { id: 7 })
      await waitFor(() => attempts === 3)
      await waitFor(() => ready.consumer.stats.handled === 1)
      expect(await ready.dead()).toEqual([])
    })

    it('are refused when the key that signed them is known to nobody', async () => {
      const ready = await subscribed()
      await ready.open([ready.signing('stranger')]).publish(ready.topic, { id: 7 })
      await isDead(ready)
      expect(await ready.dead()).toEqual([
        {
          reason: 'refused',
          code: 'COMM_MESSAGE_REFUSED',
          message: 'the signature of the message was refused: no EdDSA key has the kid that the header names',
        },
      ])
    })

    it('are refused when the key that signed them is outside the publish scope of the topic', async () => {
      const ready = await subscribed()
      await ready.open([ready.signing('reader', [{ topic: '#', publish: [] }])]).publish(ready.topic, { id: 7 })
      await isDead(ready)
      const message = `reader may not publish ${ready.topic}: it lacks the scope orders:publish`
      expect(await ready.dead()).toEqual([{ reason: 'refused', code: 'COMM_AUTHORIZATION', message }])
      expect(securityLines(ready.entries())).toEqual([
        {
          outcome: 'denied',
          action: 'publish',
          resource: ready.topic,
          reason: 'it lacks the scope orders:publish',
          method: 'message-signature',
          subject: 'reader',
        },
      ])
    })

    it('are not even published by a client whose own key is outside of it, or subscribed to by one that may not consume', async () => {
      const ready = await setUp({ self: { subject: 'billing' } })
      await expect(ready.open([ready.signing('reader')]).publish(ready.topic, { id: 7 })).rejects.toMatchObject({
        code: 'COMM_AUTHORIZATION',
      })
      await expect(ready.consumer.subscribe(ready.topic, () => undefined)).rejects.toMatchObject({
        code: 'COMM_AUTHORIZATION',
        message: `billing may not consume ${ready.topic}: it lacks the scope orders:consume`,
      })
    })

    it('are refused when they were signed too long ago, or in the future', async () => {
      const ready = await subscribed()
      const at = (shiftMs: number) => ({
        now: () => performance.now(),
        wall: () => Date.now() + shiftMs,
        setTimer: () => ({ cancel: () => undefined }),
      })
      await ready.open([ready.signing('shop', undefined, at(-2 * 86_400_000))]).publish(ready.topic, { id: 7 })
      await isDead(ready)
      await ready.open([ready.signing('shop', undefined, at(120_000))]).publish(ready.topic, { id: 8 })
      await isDead(ready, 2)
      const messages = (await ready.dead()).map(({ message }) => message).sort()
      expect(messages[1]).toBe('the message was signed in the future')
      expect(messages[0]).toMatch(/^the message was signed 17\d{4} s ago, allowed are 86400$/)
      expect(ready.handled).toEqual([])
    })

    it('keep their order, though signing takes its time', async () => {
      const ready = await subscribed()
      const publisher = ready.open([ready.signing('shop')])
      await Promise.all(Array.from({ length: 50 }, (_, id) => publisher.publish(ready.topic, { id }, { key: 'k' })))
      await waitFor(() => ready.handled.length === 50)
      expect(ready.handled.map((each) => (each as [{ id: number }])[0].id)).toEqual(Array.from({ length: 50 }, (_, id) => id))
    })
  })
}
