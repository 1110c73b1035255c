import { generateKeyPairSync } from 'node:crypto'
import { type DedupStore, type IncomingMessage, MemoryDedupStore, type MessageGuard } from '@comm/core'
import { signedMessages } from '@comm/security/messaging'
import { describe, expect, it } from '@jest/globals'

const pair = generateKeyPairSync('ed25519')

async function setUp(store: DedupStore = new MemoryDedupStore()) {
  const guard = signedMessages({
    algorithms: ['EdDSA'],
    signers: [{ kid: 'k', subject: 'shop', key: { key: pair.publicKey } }],
    sign: { key: { kid: 'k', key: pair.privateKey }, algorithm: 'EdDSA' },
    topics: [{ topic: 'a.#', publish: [], consume: [] }],
    replay: { store },
  }) as Required<MessageGuard>
  const body = Buffer.from('{}')
  const headers = { ce_id: '1', ce_time: '2026-01-01T00:00:00Z', 'content-type': 'application/json' }
  const signed = { ...headers, ...(await guard.outgoing({ topic: 'a.b', headers, body })) }
  const message = (change: Partial<IncomingMessage> = {}): IncomingMessage => {
    return { topic: 'a.b', group: 'g', id: '1', headers: signed, body, redelivered: false, ...change }
  }
  const outcome = async (change?: Partial<IncomingMessage>): Promise<string> => {
    try {
      const { isDuplicate } = await guard.incoming(message(change))
      return isDuplicate ? 'duplicate' : 'admitted'
    } catch (error) {
      const { code, details, retryable } = error as { code: string; details: { reason?: string }; retryable: boolean }
      return `${code} ${details.reason ?? ''} ${retryable ? 'later' : 'dead'}`
    }
  }
  return { guard, message, outcome, signed }
}

describe('a message that comes again', () => {
  it('is the broker’s own redelivery when the broker says so, and else a replay', async () => {
    const { guard, message, outcome } = await setUp()
    const { settled } = await guard.incoming(message())
    expect(await outcome()).toBe('COMM_SERVICE_UNAVAILABLE  later')
    await settled?.(true)
    expect(await outcome({ redelivered: true })).toBe('duplicate')
    expect(await outcome()).toBe('COMM_MESSAGE_REFUSED replayed dead')
  })

  it('is let in after a failure, and by another group', async () => {
    const { guard, message, outcome } = await setUp()
    const { settled } = await guard.incoming(message())
    await settled?.(false)
    expect(await outcome()).toBe('admitted')
    expect(await outcome({ group: 'h' })).toBe('admitted')
  })

  it('waits while the store is away', async () => {
    const away = () => Promise.reject(new Error('connection lost'))
    const { outcome } = await setUp({ claim: away, renew: away, commit: away, release: away })
    expect(await outcome()).toBe('COMM_KEYS_UNAVAILABLE  later')
  })

  it('from a broker that gives headers back as bytes is the same message', async () => {
    const { outcome, signed } = await setUp()
    const headers = Object.fromEntries(Object.entries(signed).map(([name, value]) => [name, Buffer.from(String(value))]))
    expect(await outcome({ headers })).toBe('admitted')
    expect(await outcome()).toBe('COMM_SERVICE_UNAVAILABLE  later')
  })

  it('may have what brokers and retries add, and nothing else', async () => {
    const { outcome, signed } = await setUp()
    const added = {
      'x-death': '1',
      'comm-attempts': '2',
      'comm-first-seen': '3',
      traceparent: '00-a-b-01',
      ce_correlationid: 'c',
    }
    expect(await outcome({ headers: { ...signed, ...added } })).toBe('admitted')
    expect(await outcome({ headers: { ...signed, 'comm-reply-to': 'evil' } })).toBe('COMM_MESSAGE_REFUSED signature dead')
    expect(await outcome({ topic: 'b' })).toBe('COMM_MESSAGE_REFUSED signature dead')
  })
})
