import {
  type Breaker,
  type Bulkhead,
  ConfigurationError,
  type Keyed,
  observePolicies,
  type Pipeline,
  POLICY_ORDER,
  type PoliciesConfig,
  policies,
  policyReadings,
  type Stage,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { after, deferred, expectNothingLeft, SEEDED, TestClock, watch } from '../resilience/support.ts'

function down(): never {
  throw new Error('down')
}

async function fail(guarded: Pipeline, times: number): Promise<void> {
  for (let call = 0; call < times; call++) await guarded.run(down, undefined).catch(() => {})
}

function stageOf<Kind extends Stage>(guarded: Pipeline, name: string): Kind {
  return guarded.stages.find((stage) => stage.name === name) as Kind
}

/** What a configuration file may say. */
const wrong = (config: unknown): PoliciesConfig => config as PoliciesConfig

describe('policies', () => {
  it('builds a pipeline for each name, in the usual order whatever that of the file, each policy by that name', async () => {
    const all = policies({
      orders: {
        timeout: { ms: 800 },
        breaker: true,
        retry: { maxRetries: 1 },
        totalTimeout: { ms: 3000 },
        bulkhead: { limit: 5 },
      },
      users: {},
    })
    expect(all.names).toEqual(['orders', 'users'])
    expect(all.get('orders').stages.map(({ name }) => name)).toEqual(['timeout', 'retry', 'breaker', 'bulkhead', 'timeout'])
    expect(all.describe()).toBe(
      [
        'orders',
        '  timeout (3000 ms)',
        '  retry (at most 1, exponentialBackoff (100..30000 ms, jitter 0.5))',
        '  breaker (opens when 0.5 of the last 100 calls failed, for 10000 ms)',
        '  bulkhead orders (5 at once, 0 waiting)',
        '  timeout (800 ms)',
        'users',
        '  (no policies)',
      ].join('\n'),
    )
    const names: string[] = []
    const stop = observePolicies(({ name }) => names.push(name))
    await policies({ orders: { retry: { maxRetries: 1, backoff: { type: 'constant', baseMs: 0 } } } })
      .get('orders')
      .run(down, 1)
      .catch(() => {})
    stop()
    expect(names).toEqual(['orders', 'orders'])
  })

  it('takes an order of its own from an array, also with a policy twice', () => {
    const all = policies({
      orders: [{ timeout: { ms: 50 } }, { bulkhead: { limit: 1 } }, { timeout: { ms: 20 } }, { retry: false }],
    })
    expect(all.get('orders').describe()).toBe('timeout (50 ms)\nbulkhead orders (1 at once, 0 waiting)\ntimeout (20 ms)')
  })

  it('knows every policy that there is', () => {
    const ms = { ms: 5 }
    const all = policies({
      all: {
        totalTimeout: ms,
        retry: { backoff: { type: 'fibonacci' }, budget: { ratio: 0.1 } },
        hedge: { afterMs: 5, budget: { ratio: 0.2 } },
        breaker: { perTarget: { maxKeys: 5 } },
        rateLimit: { perSecond: 5 },
        bulkhead: { limit: 5, perTarget: true },
        concurrencyLimit: { perTarget: false },
        timeout: ms,
        chaos: { enabled: true, fault: { rate: 0.1 } },
      },
    })
    expect(all.get('all').stages).toHaveLength(POLICY_ORDER.length)
    expect(all.get('all').stages.map(({ name }) => name)).toEqual([
      'timeout',
      'retry',
      'hedge',
      'keyed',
      'rateLimit',
      'keyed',
      'concurrencyLimit',
      'timeout',
      'chaos',
    ])
  })

  it('gives each target a breaker of its own where asked to', async () => {
    const orders = policies({ orders: { breaker: { consecutiveFailures: 1, perTarget: true } } }).get('orders')
    await fail(orders, 1)
    const breakers = stageOf<Keyed<Breaker>>(orders, 'keyed')
    expect(breakers.get(undefined)?.state).toBe('open')
  })

  it('refuses to give what it has not', () => {
    expect(() => policies({ orders: {}, users: {} }).get('order')).toThrow(
      new ConfigurationError("there are no policies named 'order'; there are orders, users"),
    )
    expect(() => policies({}).get('order')).toThrow("there are no policies named 'order'; there are none")
  })
})

describe('a configuration', () => {
  it('is refused with every problem at once, each by its key', () => {
    const make = () =>
      policies(
        wrong({
          orders: {
            retry: { maxRetries: -1, backoff: { type: 'quadratic' }, budget: { ratio: 'half' } },
            timeout: { ms: '5s' },
            totalTimeout: {},
            retries: 3,
            breaker: { perTarget: { maxKeys: 0 } },
          },
          users: [{ timeout: { ms: 1 } }, { timeout: { ms: -1 } }, { retry: {}, breaker: {} }, 'breaker'],
          mails: 5,
          stock: { chaos: { latency: { rate: 2, ms: 1 } }, bulkhead: 'all', hedge: { budget: { share: 1 } } },
        }),
      )
    let message = ''
    try {
      make()
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ConfigurationError)
      message = (thrown as ConfigurationError).message
    }
    const kinds = POLICY_ORDER.join(', ')
    expect(message.split('\n')).toEqual([
      '14 options of policies are wrong:',
      `  policies.orders.retries is an unknown option, known are ${kinds}`,
      '  policies.orders.totalTimeout.ms must be a finite number >= 0, got nothing',
      "  policies.orders.retry.backoff.type must be one of 'constant', 'linear', 'exponential', 'fibonacci', 'decorrelatedJitter', got 'quadratic'",
      "  policies.orders.retry.budget.ratio must be a finite number >= 0, got 'half'",
      '  policies.orders.retry.maxRetries must be an integer >= 0 or Infinity, got -1',
      '  policies.orders.breaker.perTarget.maxKeys must be an integer >= 1, got 0',
      "  policies.orders.timeout.ms must be a finite number >= 0, got '5s'",
      `  policies.users[2] must be an object with one of ${kinds}, got an object with keys retry, breaker`,
      `  policies.users[3] must be an object with one of ${kinds}, got 'breaker'`,
      '  policies.users[1].timeout.ms must be a finite number >= 0, got -1',
      '  policies.mails must be an object of policies, or an array of them, got 5',
      "  policies.stock.bulkhead must be true, false or an object with its options, got 'all'",
      '  policies.stock.hedge.budget.share is an unknown option, known are ratio, minPerSecond, capacity, clock',
      '  policies.stock.chaos.latency.rate must be a finite number >= 0 and <= 1, got 2',
    ])
  })

  it.each([
    [null, 'policies must be an object of policies by name, got null'],
    [{ orders: { timeout: 800 } }, 'policies.orders.timeout must be true, false or an object with its options, got 800'],
    [{ orders: { timeout: true } }, 'policies.orders.timeout.ms must be a finite number >= 0, got nothing'],
    [{ orders: { breaker: { perTarget: 1 } } }, 'policies.orders.breaker.perTarget must be true or false or an object, got 1'],
    [
      { orders: { timeout: { ms: 1, perTarget: true } } },
      'policies.orders.timeout.perTarget is an unknown option, known are name, ms',
    ],
    [
      { orders: { retry: { backoff: { type: 'linear', baseMs: 200, maxMs: 100 } } } },
      'policies.orders.retry.backoff.maxMs must be a number >= linearBackoff.baseMs (200), got 100',
    ],
  ])('%j: %s', (config, message) => {
    expect(() => policies(wrong(config))).toThrow(new ConfigurationError(message))
  })
})

describe('reload', () => {
  const breaker = { consecutiveFailures: 2 }

  it('changes what the same pipeline does, from its next run on', async () => {
    const clock = new TestClock()
    const all = policies({ orders: { timeout: { ms: 50 } } }, { clock })
    const orders = all.get('orders')
    const before = watch(orders.run(() => after(clock, 30), undefined))
    expect(all.reload({ orders: { timeout: { ms: 10 } } })).toEqual({
      added: [],
      changed: ['orders'],
      removed: [],
      unchanged: [],
    })
    const afterwards = watch(orders.run(() => after(clock, 30), undefined))
    await clock.advance(30)
    expect(before.outcome).toEqual({ value: undefined })
    expect(afterwards.outcome).toMatchObject({ error: { code: 'COMM_TIMEOUT', details: { ms: 10 } } })
    expect(all.get('orders')).toBe(orders)
    expect(orders.describe()).toBe('timeout (10 ms)')
    await expectNothingLeft(clock)
  })

  it('takes on nothing when anything is wrong', async () => {
    const all = policies({ orders: { breaker }, users: { breaker } })
    await fail(all.get('orders'), 2)
    expect(() => all.reload(wrong({ orders: { breaker: { openMs: 5 } }, users: { breaker: { openMs: -5 } } }))).toThrow(
      'policies.users.breaker.openMs must be a finite number >= 0, got -5',
    )
    expect(stageOf<Breaker>(all.get('orders'), 'breaker').state).toBe('open')
    expect(all.describe()).toContain('orders\n  breaker (opens after 2 failures in a row, for 10000 ms)')
  })

  it('keeps what has not changed, though other policies of the same pipeline have', async () => {
    const all = policies({ orders: { breaker, timeout: { ms: 50 } } })
    const orders = all.get('orders')
    await fail(orders, 2)
    all.reload({ orders: { retry: { maxRetries: 1 }, breaker: { ...breaker }, timeout: { ms: 60 } } })
    await expect(orders.run(() => 1, undefined)).rejects.toMatchObject({ code: 'COMM_BREAKER_OPEN' })
    all.reload({ orders: [{ breaker }] })
    expect(stageOf<Breaker>(orders, 'breaker').state).toBe('open')
    all.reload({ orders: { breaker: { ...breaker, openMs: 1 } } })
    expect(stageOf<Breaker>(orders, 'breaker').state).toBe('closed')
  })

  it('keeps the slots of calls under way', async () => {
    const all = policies({ orders: { bulkhead: { limit: 1 } } })
    const orders = all.get('orders')
    const gate = deferred()
    const underWay = orders.run(() => gate.promise, undefined)
    all.reload({ orders: { bulkhead: { limit: 1 }, retry: { maxRetries: 0 } } })
    await expect(orders.run(() => 1, undefined)).rejects.toMatchObject({ code: 'COMM_BULKHEAD_FULL' })
    gate.resolve(undefined)
    await underWay
    expect(stageOf<Bulkhead>(orders, 'bulkhead').running).toBe(0)
  })

  it('keeps a budget when only its retry has changed', async () => {
    const clock = new TestClock()
    const budget = { ratio: 0, minPerSecond: 1, capacity: 3 }
    const retry = { maxRetries: 1, backoff: { type: 'constant', baseMs: 0 }, budget } as const
    const all = policies({ orders: { retry } }, { clock })
    const left = () => policyReadings().find(({ kind, name }) => kind === 'retry-budget' && name === 'orders')?.value
    await fail(all.get('orders'), 2)
    expect(left()).toBe(0)
    all.reload({ orders: { retry: { ...retry, maxRetries: 5 } } })
    expect(left()).toBe(0)
    all.reload({ orders: { retry: { ...retry, budget: { ...budget, capacity: 4 } } } })
    expect(left()).toBe(1)
    all.reload({})
  })

  it('sees a change that was made in place', () => {
    const config = { orders: { hedge: { afterMs: 5, budget: { ratio: 0.1 } } } }
    const all = policies(config)
    expect(all.reload(config).unchanged).toEqual(['orders'])
    config.orders.hedge.budget.ratio = 0.2
    expect(all.reload(config).changed).toEqual(['orders'])
  })

  it('adds and removes names; a removed one rejects until it comes back', async () => {
    const all = policies({ orders: { breaker }, users: {} })
    const orders = all.get('orders')
    await fail(orders, 2)
    expect(all.reload({ users: {}, mails: {} })).toEqual({
      added: ['mails'],
      changed: [],
      removed: ['orders'],
      unchanged: ['users'],
    })
    await expect(orders.run(() => 1, undefined)).rejects.toThrow("there are no policies named 'orders'; there are users, mails")
    all.reload({ orders: { breaker } })
    await expect(orders.run(() => 1, undefined)).resolves.toBe(1)
  })

  it('takes the readings of what it has dropped away', () => {
    const shown = () => policyReadings().filter(({ name }) => name === 'dropped')
    const all = policies({ dropped: { breaker, bulkhead: { limit: 3 } } })
    expect(shown()).toHaveLength(4)
    all.reload({ dropped: { breaker } })
    expect(shown()).toEqual([{ kind: 'breakers', policy: 'breaker', name: 'dropped', value: 1, state: 'closed' }])
    all.reload({})
    expect(shown()).toEqual([])
  })

  it('keeps exactly those policies whose options are equal, whatever changes', () => {
    const timeout = fc.option(fc.record({ ms: fc.integer({ min: 1, max: 3 }) }), { nil: false as const })
    const bulkhead = fc.option(fc.record({ limit: fc.integer({ min: 1, max: 2 }) }), { nil: false as const })
    const one = fc.record({ timeout, totalTimeout: timeout, bulkhead, breaker: fc.boolean() })
    const config = fc.dictionary(fc.constantFrom('a', 'b', 'c'), one)
    fc.assert(
      fc.property(fc.array(config, { minLength: 2, maxLength: 6 }), (configs) => {
        const all = policies(configs[0]!)
        for (const [at, next] of configs.slice(1).entries()) {
          const before = configs[at]!
          const stages = new Map(Object.keys(before).map((name) => [name, all.get(name).stages]))
          all.reload(next)
          expect(all.names).toEqual(Object.keys(next))
          for (const [name, own] of Object.entries(next)) {
            const expected = POLICY_ORDER.filter((kind) => own[kind as keyof typeof own])
            expect(all.get(name).stages).toHaveLength(expected.length)
            for (const [place, kind] of expected.entries()) {
              const given = own[kind as keyof typeof own]
              const was = before[name]?.[kind as keyof typeof own]
              const isEqual = JSON.stringify(given) === JSON.stringify(was)
              expect(stages.get(name)?.includes(all.get(name).stages[place]!) ?? false).toBe(isEqual)
            }
          }
        }
        all.reload({})
      }),
      SEEDED,
    )
  })
})
