import { performance } from 'node:perf_hooks'
import { type ApiKeyRecord, apiKeys, MemoryApiKeyStore } from '@comm/security/api-keys'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { hashOf } from '../../src/api-keys/key-text.ts'
import { hasHash } from '../../src/api-keys/same-hash.ts'

function setUp() {
  const clock = new TestClock()
  const records: ApiKeyRecord[] = []
  const store = new MemoryApiKeyStore()
  const keys = apiKeys({
    store: {
      find: (id) => store.find(id),
      remove: (id) => store.remove(id),
      put: (record) => {
        records.push(record)
        store.put(record)
      },
    },
    clock,
  })
  const outcome = (text: string): Promise<string> =>
    keys.verify(text).then(
      ({ subject }) => subject,
      ({ code, details }: { code: string; details: { reason: string } }) => `${code} ${details.reason}`,
    )
  return { clock, keys, outcome, records, store }
}

describe('API keys', () => {
  it('are known by their id and kept as hashes', async () => {
    const { keys, records } = setUp()
    const { text, record } = await keys.issue({ subject: 'billing', scopes: ['orders:read'], metadata: { team: 'a' } })
    expect(text).toMatch(/^comm_[0-9a-f]{18}_[0-9a-f]{72}$/)
    const secret = text.split('_')[2] as string
    expect(JSON.stringify(records)).not.toContain(secret.slice(0, 16))
    expect(await keys.verify(text)).toEqual({
      subject: 'billing',
      method: 'api-key',
      scopes: ['orders:read'],
      roles: [],
      attributes: { team: 'a', keyId: record.id },
    })
  })

  it('are refused when they are wrong, each in its way', async () => {
    const { clock, keys, outcome, store } = setUp()
    const { text, record } = await keys.issue({ subject: 'billing', expiresInMs: 1000 })
    expect(await outcome(text)).toBe('billing')
    expect(await outcome(`${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`)).toBe('COMM_AUTHENTICATION malformed')
    expect(await outcome(text.replace('comm_', 'other_'))).toBe('COMM_AUTHENTICATION malformed')
    expect(await outcome('')).toBe('COMM_AUTHENTICATION malformed')
    store.put({ ...record, hash: hashOf('another') })
    expect(await outcome(text)).toBe('COMM_AUTHENTICATION signature')
    store.put({ ...record, hash: '' })
    expect(await outcome(text)).toBe('COMM_AUTHENTICATION signature')
    store.put(record)
    await clock.advance(1000)
    expect(await outcome(text)).toBe('COMM_AUTHENTICATION expired')
    expect(await keys.revoke(record.id)).toBe(true)
    expect(await outcome(text)).toBe('COMM_AUTHENTICATION unknown-key')
    expect(await keys.revoke(record.id)).toBe(false)
  })

  it('are rotated: both hold for a while, then the new one alone', async () => {
    const { clock, keys, outcome, store } = setUp()
    const old = await keys.issue({ subject: 'billing', scopes: ['a'], roles: ['b'], expiresInMs: 100_000 })
    await clock.advance(10_000)
    const fresh = await keys.rotate(old.record.id, 5000)
    expect([await outcome(old.text), await outcome(fresh.text)]).toEqual(['billing', 'billing'])
    expect(fresh.record).toMatchObject({ scopes: ['a'], roles: ['b'], expiresAt: fresh.record.createdAt + 100_000 })
    await clock.advance(5000)
    expect([await outcome(old.text), await outcome(fresh.text)]).toEqual(['COMM_AUTHENTICATION expired', 'billing'])
    expect(store.find(old.record.id)?.rotatedTo).toBe(fresh.record.id)
    await expect(keys.rotate(old.record.id)).rejects.toThrow(`API key ${old.record.id} cannot be rotated: it has expired`)
    await expect(keys.rotate('nobody')).rejects.toThrow('API key nobody cannot be rotated: there is none')
  })

  it('nobody is let in, and nobody is refused for good, while the store is away', async () => {
    const keys = apiKeys({
      store: {
        find: () => Promise.reject(new Error('connection lost')),
        put: () => undefined,
        remove: () => false,
      },
    })
    const { text } = await setUp().keys.issue({ subject: 'a' })
    await expect(keys.verify(text)).rejects.toMatchObject({ code: 'COMM_KEYS_UNAVAILABLE', retryable: true })
  })
})

/** Welch's t over two classes of measurements, as in dudect (Reparaz, Balasch, Verbauwhede, 2017). */
function welch(one: readonly number[], other: readonly number[]): number {
  // A cut that leaves nearly none of one class tells the two apart without any doubt.
  if (Math.min(one.length, other.length) < 100) return Number.POSITIVE_INFINITY
  const moments = (values: readonly number[]) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
    return { mean, spread: variance / values.length }
  }
  const [a, b] = [moments(one), moments(other)]
  return Math.abs(a.mean - b.mean) / Math.sqrt(a.spread + b.spread)
}

/**
 * The largest t over several cuts: what the scheduler and the garbage collector add is at the slow end, and hides small differences.
 * @param run compares; called many times for each of the two inputs, in random order
 */
function distinguishability(run: (input: string) => boolean, inputs: readonly [string, string]): number {
  const samples: [number[], number[]] = [[], []]
  let sink = 0
  for (let at = 0; at < 40_000; at++) {
    const which = Math.random() < 0.5 ? 0 : 1
    const input = inputs[which]
    const startedAt = performance.now()
    for (let again = 0; again < 20; again++) if (run(input)) sink++
    const took = performance.now() - startedAt
    // Compiled code is what an attacker meets.
    if (at > 4000) samples[which].push(took)
  }
  if (sink > 40_000 * 20) throw new Error('never')
  const all = [...samples[0], ...samples[1]].sort((a, b) => a - b)
  const cuts = [0.5, 0.7, 0.9].map((share) => all[Math.floor(all.length * share)] as number)
  const ts = cuts.map((cut) =>
    welch(
      samples[0].filter((took) => took <= cut),
      samples[1].filter((took) => took <= cut),
    ),
  )
  return Math.max(...ts)
}

/** What must not be done: it ends at the first difference, and so tells where that is. */
function naive(secret: string, kept: string): boolean {
  for (let at = 0; at < kept.length; at++) if (secret.charCodeAt(at) !== kept.charCodeAt(at)) return false
  return true
}

describe('the comparison of API keys', () => {
  it('takes as long for a secret that is nearly right as for one that is all wrong', () => {
    const secret = 'a1'.repeat(32)
    const nearly = `${secret.slice(0, -1)}2`
    const wrong = 'f9'.repeat(32)
    const hash = hashOf(secret)
    expect([hasHash(secret, hash), hasHash(nearly, hash), hasHash(wrong, hash)]).toEqual([true, false, false])
    // The control: this test can tell a comparison that is not constant.
    const control = distinguishability((input) => naive(input, secret), [nearly, wrong])
    const measured = distinguishability((input) => hasHash(input, hash), [nearly, wrong])
    expect(control).toBeGreaterThan(50)
    // dudect calls more than 10 certain; noise of a busy machine stays far below the control.
    expect(measured).toBeLessThan(Math.max(10, control / 10))
  }, 120_000)

  it('takes as long for hashes that differ late as for hashes that differ early', () => {
    const secret = 'a1'.repeat(32)
    const hash = hashOf(secret)
    const late = `${hash.slice(0, -1)}${hash.endsWith('0') ? '1' : '0'}`
    const early = `${hash.startsWith('0') ? '1' : '0'}${hash.slice(1)}`
    const control = distinguishability((input) => naive(input, hash), [late, early])
    const measured = distinguishability((input) => hasHash(secret, input), [late, early])
    expect(control).toBeGreaterThan(50)
    expect(measured).toBeLessThan(Math.max(10, control / 10))
  }, 120_000)
})
