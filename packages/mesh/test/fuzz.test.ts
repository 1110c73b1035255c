import { ConfigurationError } from '@comm/core'
import { MemoryRegistry } from '@comm/discovery/memory'
import { createMesh, type MeshConfig } from '@comm/mesh'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

const RUNS = 10_000

/** Names and values that mean something, often in the wrong place, among some that mean nothing. */
const names = fc.constantFrom(
  '*',
  'payments',
  'constructor',
  '__proto__',
  'retry',
  'breaker',
  'timeout',
  'totalTimeout',
  'bulkhead',
  'hedge',
  'ms',
  'maxRetries',
  'failureRatio',
  'limit',
  'perTarget',
  'split',
  'sticky',
  'strategy',
  'header',
  'key',
  '1',
  'allow',
  'deny',
  'spiffeId',
  'dns',
  'uri',
  'roles',
  'pickPlace',
)
const values = fc.oneof(
  fc.constantFrom<unknown>(
    true,
    false,
    null,
    undefined,
    0,
    -1,
    1,
    100,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    'x',
    Symbol('s'),
    7n,
  ),
  fc.constantFrom<unknown>(
    'spiffe://prod.example/orders',
    'spiffe://prod.example/*',
    () => 'a key',
    () => undefined,
  ),
)
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    values,
    fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}))
const level = (inner: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: fc.dictionary(names, inner, { maxKeys: 3 }) }, { weight: 1, arbitrary: tree })
const config = fc.record(
  { policies: level(level(tree)), traffic: level(level(tree)), access: level(tree) },
  { requiredKeys: [] },
) as fc.Arbitrary<MeshConfig>

describe('nonsense for a configuration', () => {
  it(`is refused with an error that says what is wrong, ${RUNS} times, and leaves the mesh as it was`, async () => {
    await using mesh = createMesh({ service: 'orders', discovery: new MemoryRegistry() })
    const client = mesh.call('payments')
    const count = { taken: 0, refused: 0 }
    fc.assert(
      fc.property(config, (given) => {
        const before = client.describe()
        try {
          mesh.reload(given)
          count.taken++
        } catch (error) {
          if (!(error instanceof ConfigurationError)) throw error
          count.refused++
          expect(error.problems.length).toBeGreaterThan(0)
          expect(client.describe()).toBe(before)
        }
      }),
      { numRuns: RUNS, seed: 9 },
    )
    // Neither is everything taken, nor everything refused at the first door.
    expect(count.taken).toBeGreaterThan(RUNS / 100)
    expect(count.refused).toBeGreaterThan(RUNS / 100)
    mesh.reload({ policies: {}, traffic: {}, access: {} })
    expect(client.describe()).toContain('retry (at most 3')
  }, 120_000)
})
