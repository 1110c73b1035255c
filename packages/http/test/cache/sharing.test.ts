import { CommunicationError, ConnectionError, TimeoutError, withContext } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { failureOf, until } from '../support/local-server.ts'
import { type Handler, origin } from './support.ts'

const FRESH = { headers: { 'cache-control': 'max-age=60' } }

/** Answers when told to. */
function gated(handler: Handler = () => FRESH) {
  const gates: PromiseWithResolvers<void>[] = []
  const under = origin(async (request, nth) => {
    const gate = Promise.withResolvers<void>()
    gates.push(gate)
    await gate.promise
    return handler(request, nth)
  })
  return {
    ...under,
    open: (nth: number) => gates[nth - 1]?.resolve(),
    fail: (nth: number, error: Error) => gates[nth - 1]?.reject(error),
  }
}

describe('requests side by side', () => {
  it('for one URL become one', async () => {
    const { ask, requests, cache, open } = gated()
    const all = [1, 2, 3, 4, 5].map(() => ask('/'))
    const other = ask('/other')
    await until(() => requests.length === 2)
    open(1)
    open(2)
    const texts = (await Promise.all(all)).map((answer) => answer.text())
    expect(texts).toEqual(Array(5).fill('answer 2'))
    expect((await other).text()).toBe('answer 2')
    expect(cache.statistics()).toMatchObject({ misses: 2, coalesced: 4, stored: 2 })
  })

  it('go on by themselves where the answer is not for all, and then no longer wait for each other', async () => {
    const { ask, requests, open } = gated(() => ({ headers: { 'cache-control': 'private' } }))
    const all = [1, 2, 3].map(() => ask('/'))
    await until(() => requests.length === 1)
    open(1)
    await until(() => requests.length === 3)
    const late = ask('/')
    await until(() => requests.length === 4)
    for (const nth of [2, 3, 4]) open(nth)
    const texts = await Promise.all([...all, late].map(async (answer) => (await answer).status))
    expect(texts).toEqual([200, 200, 200, 200])
  })

  it('do not share a limit of size', async () => {
    const { ask, requests, open, fail } = gated()
    const short = failureOf(ask('/', { maxResponseBytes: 3 }))
    const long = ask('/', { maxResponseBytes: 100 })
    const same = failureOf(ask('/', { maxResponseBytes: 3 }))
    await until(() => requests.length === 1)
    fail(1, new CommunicationError('too large', { code: 'COMM_TOO_LARGE', details: { maxBytes: 3 } }))
    await until(() => requests.length === 2)
    open(2)
    expect([await short, (await long).text(), await same]).toMatchObject([
      { code: 'COMM_TOO_LARGE' },
      'answer 2',
      { code: 'COMM_TOO_LARGE' },
    ])
  })

  it('that differ in what selects the answer get their own', async () => {
    const { ask, requests, open } = gated(({ headers }) => ({
      headers: { ...FRESH.headers, vary: 'a' },
      body: `for ${headers['a']}`,
    }))
    const one = ask('/', { headers: { a: '1' } })
    const other = ask('/', { headers: { a: '2' } })
    await until(() => requests.length === 1)
    open(1)
    await until(() => requests.length === 2)
    open(2)
    expect([(await one).text(), (await other).text()]).toEqual(['for 1', 'for 2'])
  })

  it('outlive the one who asked first', async () => {
    const { ask, requests, open, cache } = gated()
    const first = new AbortController()
    const failed = failureOf(ask('/', {}, { signal: first.signal }))
    const second = ask('/', {}, { signal: new AbortController().signal })
    await until(() => requests.length === 1)
    first.abort(new Error('gone'))
    expect(await failed).toEqual(new Error('gone'))
    open(1)
    expect((await second).text()).toBe('answer 1')
    expect(cache.statistics()).toMatchObject({ coalesced: 1, misses: 0 })
  })

  it('outlive the request that caused them, and keep its correlation id', async () => {
    const { ask, requests, open } = gated()
    const gone = new AbortController()
    const first = withContext({ correlationId: 'a', signal: gone.signal }, () => ask('/'))
    const second = ask('/')
    await until(() => requests.length === 1)
    gone.abort()
    open(1)
    expect([(await first).text(), (await second).text()]).toEqual(['answer 1', 'answer 1'])
  })

  it('end when the last one has left, and the next one asks anew', async () => {
    const { ask, requests, open } = gated()
    const controller = new AbortController()
    const all = [1, 2].map(() => failureOf(ask('/', {}, { signal: controller.signal })))
    await until(() => requests.length === 1)
    controller.abort(new Error('gone'))
    expect(await Promise.all(all)).toEqual([new Error('gone'), new Error('gone')])
    const next = ask('/')
    await until(() => requests.length === 2)
    open(1)
    open(2)
    expect((await next).text()).toBe('answer 2')
  })

  it('share a failure', async () => {
    const { ask, requests, fail } = gated()
    const all = [1, 2].map(() => failureOf(ask('/')))
    await until(() => requests.length === 1)
    const error = new ConnectionError('no')
    fail(1, error)
    expect(await Promise.all(all)).toEqual([error, error])
    expect(requests.length).toBe(1)
  })

  it('do not share the end of somebody else’s time', async () => {
    const { ask, requests, fail, open } = gated()
    const first = failureOf(ask('/'))
    const second = ask('/')
    await until(() => requests.length === 1)
    const late = new TimeoutError('late', { details: { limit: 'total' } })
    fail(1, late)
    expect(await first).toBe(late)
    await until(() => requests.length === 2)
    open(2)
    expect((await second).text()).toBe('answer 2')
  })

  it('leave no listener on a signal', async () => {
    const { ask, open, requests } = gated()
    let listeners = 0
    const { signal } = new AbortController()
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }) as typeof add
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }) as typeof remove
    const all = Array.from({ length: 20 }, () => ask('/', {}, { signal }))
    await until(() => requests.length === 1)
    expect(listeners).toBe(20)
    open(1)
    await Promise.all(all)
    expect(listeners).toBe(0)
  })
})

it('what one reader does to its bytes does not reach another', async () => {
  const { ask } = origin(() => FRESH)
  const first = await ask('/')
  first.bytes().fill(0)
  const second = await ask('/')
  second.bytes().fill(1)
  expect((await ask('/')).text()).toBe('answer 1')
  second.headers['x-mine'] = '1'
  expect((await ask('/')).headers).not.toHaveProperty('x-mine')
})
