// Each pattern of resilience at work, and proof that it is: what is printed is asserted.
//
//   pnpm example resilience-patterns

import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Breaker,
  BulkheadFullError,
  breaker,
  bulkhead,
  CircuitBreakerOpenError,
  chaos,
  concurrencyLimit,
  constantBackoff,
  fallback,
  hedge,
  keyed,
  observePolicies,
  type PolicyEvent,
  pipeline,
  policies,
  RateLimitedError,
  rateLimit,
  retry,
  retryBudget,
  type Stage,
  TimeoutError,
  timeout,
} from '@comm/core'

/** Everything that the policies below do, as a log or a metric would be told. */
const events: PolicyEvent[] = []
observePolicies((event) => events.push(event))

const quickly = constantBackoff({ baseMs: 5, jitter: 0 })

async function circuitBreaker(): Promise<string> {
  let asked = 0
  const guard = breaker({ name: 'payments', consecutiveFailures: 3, openMs: 500 })
  const payments = pipeline([guard])
  let isDown = true
  const pay = async (): Promise<string> => {
    asked++
    if (isDown) throw new Error('payments are down')
    return 'paid'
  }
  for (let call = 0; call < 10; call++) await payments.run(pay, undefined).catch(() => {})
  assert.equal(asked, 3)
  await assert.rejects(payments.run(pay, undefined), CircuitBreakerOpenError)
  isDown = false
  await wait(600)
  assert.equal(await payments.run(pay, undefined), 'paid')
  assert.equal(guard.state, 'closed')
  return '11 calls to a service that is down reached it 3 times; when it was back, one probe closed the breaker'
}

async function retries(): Promise<string> {
  let attempts = 0
  const flaky = pipeline([retry({ maxRetries: 3, backoff: quickly })])
  const answer = await flaky.run(async () => {
    if (++attempts < 3) throw new Error('try again')
    return 'answer'
  }, undefined)
  assert.deepEqual([answer, attempts], ['answer', 3])

  const budget = retryBudget({ ratio: 0.1, minPerSecond: 1 })
  const down = pipeline([retry({ maxRetries: 3, backoff: quickly, budget })])
  attempts = 0
  const call = async (): Promise<void> => {
    attempts++
    throw new Error('down')
  }
  for (let at = 0; at < 20; at++) await down.run(call, undefined).catch(() => {})
  assert.ok(attempts <= 24, `${attempts} attempts`)
  return `answered by the third attempt; when all is down, a budget holds 20 calls to ${attempts} attempts instead of 80`
}

async function timeouts(): Promise<string> {
  const hasty = pipeline([timeout({ ms: 20 })])
  const startedAt = performance.now()
  // A callee that ignores its signal is left behind on time all the same.
  await assert.rejects(
    hasty.run(() => wait(5000, undefined, { ref: false }), undefined),
    TimeoutError,
  )
  assert.ok(performance.now() - startedAt < 4000)

  let attempts = 0
  const whole = pipeline([timeout({ ms: 300 }), retry({ maxRetries: 99, backoff: quickly }), timeout({ ms: 20 })])
  const slow = async (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> => {
    attempts++
    await wait(500, undefined, { signal })
  }
  await assert.rejects(whole.run(slow, undefined), TimeoutError)
  assert.ok(attempts >= 2 && attempts <= 15, `${attempts} attempts`)
  return 'an attempt has 20 ms, the whole call with its retries 300 ms'
}

async function bulkheads(): Promise<string> {
  const guard = bulkhead({ limit: 2, maxQueue: 1 })
  const reports = pipeline([guard])
  let [running, most] = [0, 0]
  const report = async (): Promise<void> => {
    most = Math.max(most, ++running)
    await wait(10)
    running--
  }
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => reports.run(report, undefined)))
  const refused = results.filter(({ status }) => status === 'rejected')
  assert.deepEqual([most, refused.length], [2, 2])
  for (const result of refused) assert.ok(result.status === 'rejected' && result.reason instanceof BulkheadFullError)
  return 'of 5 calls at once 2 ran, 1 waited and 2 were refused'
}

async function rateLimits(): Promise<string> {
  const search = pipeline([rateLimit({ perSecond: 2, burst: 2, maxWaitMs: 600 })])
  const startedAt = performance.now()
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => search.run(() => performance.now() - startedAt, undefined)))
  const passed = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  assert.equal(passed.length, 3)
  assert.ok((passed[2] ?? 0) >= 450)
  assert.ok(results.some((result) => result.status === 'rejected' && result.reason instanceof RateLimitedError))
  return 'two calls at once, a third after half a second, the others were refused'
}

async function fallbacks(): Promise<string> {
  const cached = pipeline([fallback((_error, item) => `${item} as of yesterday`)])
  const answer = await cached.run(() => Promise.reject(new Error('down')), 'the price')
  assert.equal(answer, 'the price as of yesterday')
  return `answered with ${answer}`
}

async function hedging(): Promise<string> {
  let attempts = 0
  const search = pipeline([hedge({ afterMs: 20 })])
  const startedAt = performance.now()
  const answer = await search.run(async (_, { signal }) => {
    attempts++
    await wait(attempts === 1 ? 5000 : 1, undefined, { signal })
    return 'found'
  }, undefined)
  assert.deepEqual([answer, attempts], ['found', 2])
  assert.ok(performance.now() - startedAt < 2000)
  return 'the first attempt hung; a second one answered, and the first was aborted'
}

async function instances(): Promise<string> {
  let next = 0
  const pick: Stage = {
    name: 'pick',
    enter(call) {
      call.target = ['good', 'bad'][next++ % 2]
    },
  }
  const breakers = keyed((instance) => breaker({ name: `users at ${instance}`, consecutiveFailures: 2 }))
  const users = pipeline([retry({ maxRetries: 1, backoff: quickly }), pick, breakers])
  const ask = async (_: unknown, { target }: { readonly target: unknown }): Promise<unknown> => {
    if (target === 'bad') throw new Error('this instance is broken')
    return target
  }
  for (let call = 0; call < 6; call++) await users.run(ask, undefined).catch(() => {})
  const states = [...breakers.entries()].map(([key, { state }]: [unknown, Breaker]) => `${key} ${state}`).sort()
  assert.deepEqual(states, ['bad open', 'good closed'])
  return `each instance has a breaker of its own: ${states.join(', ')}`
}

async function adaptiveLimit(): Promise<string> {
  // It serves one call at a time: what is more waits for its turn inside it.
  let turn = Promise.resolve()
  const serve = (): Promise<void> => {
    turn = turn.then(() => wait(2))
    return turn
  }
  const limit = concurrencyLimit({ initialLimit: 50, windowMs: 10, windowCalls: 5 })
  const guarded = pipeline([limit])
  const until = performance.now() + 20_000
  const isFound = (): boolean => limit.limit < 25 || performance.now() > until
  await Promise.all(
    Array.from({ length: 60 }, async () => {
      while (!isFound()) await guarded.run(serve, undefined).catch(() => wait(5))
    }),
  )
  assert.ok(limit.limit < 25, `a limit of ${limit.limit}`)
  return 'a callee that serves one call at a time is not sent 50 at once any more'
}

async function loadShedding(): Promise<string> {
  const guarded = pipeline([bulkhead({ limit: 1, maxQueue: 100, maxQueueMs: 30, overloadQueueMs: 5 })])
  let served = 0
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, () =>
      guarded.run(async () => {
        served++
        await wait(10)
      }, undefined),
    ),
  )
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  assert.equal(served + refused.length, 40)
  assert.ok(refused.length > 20)
  for (const error of refused) assert.ok(error instanceof BulkheadFullError && error.details['reason'] === 'queue-time')
  return 'who waits too long is refused, so that the others are answered in time'
}

async function chaosTest(): Promise<string> {
  const resilient = pipeline([
    retry({ maxRetries: 5, backoff: quickly }),
    chaos({ enabled: true, seed: 7, fault: { rate: 0.3 } }),
  ])
  const answers = await Promise.all(Array.from({ length: 50 }, (_, id) => resilient.run(() => id, undefined)))
  assert.equal(answers.length, 50)
  return 'three of ten attempts were made to fail, and every call was answered'
}

async function configured(): Promise<string> {
  const all = policies({ orders: { retry: { maxRetries: 2, backoff: { type: 'constant', baseMs: 5 } }, timeout: { ms: 500 } } })
  const orders = all.get('orders')
  assert.throws(() => all.reload({ orders: { timeout: { ms: -1 } } }), /policies\.orders\.timeout\.ms must be/)
  assert.deepEqual(all.reload({ orders: { timeout: { ms: 20 } } }).changed, ['orders'])
  await assert.rejects(
    orders.run((_, { signal }) => wait(500, undefined, { signal }), undefined),
    TimeoutError,
  )
  return 'a wrong configuration was refused, a right one taken on while in use'
}

const patterns: Readonly<Record<string, () => Promise<string>>> = {
  'Circuit breaker': circuitBreaker,
  Retry: retries,
  Timeout: timeouts,
  Bulkhead: bulkheads,
  'Rate limit': rateLimits,
  Fallback: fallbacks,
  Hedging: hedging,
  'A breaker for each instance': instances,
  'Adaptive limit': adaptiveLimit,
  'Load shedding': loadShedding,
  Chaos: chaosTest,
  'Named policies': configured,
}

for (const [name, show] of Object.entries(patterns)) console.log(`✓ ${name}: ${await show()}`)

const seen = new Set(events.map(({ event }) => event))
for (const kind of ['state-change', 'retry', 'give-up', 'rejection', 'timeout', 'fallback', 'hedge', 'limit-change', 'injection'])
  assert.ok(seen.has(kind as PolicyEvent['event']), `nobody was told of a ${kind}`)
console.log(`✓ ${events.length} events told of it`)
console.log('resilience-patterns: ok')
