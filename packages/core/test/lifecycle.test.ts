import {
  CommunicationError,
  type Component,
  type Health,
  Lifecycle,
  type StopPhase,
  silentLogger,
  TimeoutError,
} from '@comm/core'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'

const never = (): Promise<void> => new Promise(() => undefined)
const PHASES = ['stopIntake', 'drain', 'flush', 'close'] as const

/** A component that writes down what is asked of it. */
function recorded(name: string, journal: string[], own: Partial<Component> = {}): Component {
  const write = (step: string) => () => {
    journal.push(`${name} ${step}`)
  }
  return { name, start: write('start'), ...Object.fromEntries(PHASES.map((phase) => [phase, write(phase)])), ...own }
}

function setUp(components: readonly Component[], options: ConstructorParameters<typeof Lifecycle>[0] = {}) {
  const clock = new TestClock()
  const lifecycle = new Lifecycle({ clock, ...options })
  for (const component of components) lifecycle.add(component)
  return { clock, lifecycle }
}

/** Lets the time pass until the promise is settled; how long that took on the clock, and what came out. */
async function until<T>(clock: TestClock, promise: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const begunAt = clock.now()
  let settled = false
  const watched = promise.finally(() => {
    settled = true
  })
  watched.catch(() => undefined)
  await clock.advance(0)
  while (!settled && clock.nextTimerInMs !== undefined) await clock.advance(clock.nextTimerInMs)
  return { value: await watched, tookMs: clock.now() - begunAt }
}

describe('Lifecycle.start', () => {
  it('starts in the order added, each when the one before is usable', async () => {
    const journal: string[] = []
    const slow = recorded('broker', journal, {
      start: async () => {
        journal.push('broker begins')
        await Promise.resolve()
        journal.push('broker is usable')
      },
    })
    const { lifecycle } = setUp([slow, recorded('server', journal)])
    expect(lifecycle.isReady).toBe(false)
    await lifecycle.start()
    expect(journal).toEqual(['broker begins', 'broker is usable', 'server start'])
    expect(lifecycle).toMatchObject({ isReady: true, state: 'ready' })
  })

  it('starts once, however often it is asked', async () => {
    const journal: string[] = []
    const { lifecycle } = setUp([recorded('a', journal)])
    await Promise.all([lifecycle.start(), lifecycle.start()])
    await lifecycle.start()
    expect(journal).toEqual(['a start'])
  })

  it('stops everything when one fails, and throws its error', async () => {
    const journal: string[] = []
    const lines: unknown[] = []
    const failing = recorded('b', journal, {
      start: () => {
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      },
    })
    const logger = { ...silentLogger, error: (message: string) => lines.push(message) }
    const { lifecycle, clock } = setUp([recorded('a', journal), failing, recorded('c', journal)], { logger })
    await expect(lifecycle.start()).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    expect(journal.filter((entry) => /start|close/.test(entry))).toEqual(['a start', 'c close', 'b close', 'a close'])
    expect(lines).toEqual(['b did not start'])
    expect(lifecycle).toMatchObject({ isReady: false, state: 'stopped' })
    expect(clock.pendingTimers).toBe(0)
  })

  it('is refused after a stop', async () => {
    const journal: string[] = []
    const { lifecycle } = setUp([recorded('a', journal)])
    await lifecycle.stop()
    await expect(lifecycle.start()).rejects.toMatchObject({ code: 'COMM_CLOSED' })
    expect(lifecycle.state).toBe('stopped')
    expect(journal).not.toContain('a start')
  })

  it('is ended by a stop: a component that heeds its signal is aborted, the next is not begun', async () => {
    const journal: string[] = []
    const connecting = recorded('broker', journal, {
      start: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    const { lifecycle, clock } = setUp([connecting, recorded('server', journal)])
    const starting = lifecycle.start()
    starting.catch(() => undefined)
    await clock.advance(0)
    expect(lifecycle.state).toBe('starting')
    const { value: report, tookMs } = await until(clock, lifecycle.stop())
    await expect(starting).rejects.toMatchObject({ code: 'COMM_ABORTED' })
    expect(report.problems).toEqual([])
    expect(tookMs).toBe(0)
    expect(journal).not.toContain('server start')
    expect(journal).toContain('broker close')
  })

  it('is ended by a stop also when the component ignores its signal, which the report says', async () => {
    const { lifecycle, clock } = setUp([{ name: 'deaf', start: never }], { stopBudgetMs: 1000 })
    const starting = lifecycle.start()
    starting.catch(() => undefined)
    await clock.advance(0)
    const { value: report, tookMs } = await until(clock, lifecycle.stop())
    await expect(starting).rejects.toMatchObject({ code: 'COMM_ABORTED' })
    expect(report.problems.map(({ component, phase }) => [component, phase])).toEqual([['deaf', 'start']])
    expect(tookMs).toBeLessThan(1000)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('Lifecycle.add', () => {
  it('refuses a name that is empty or taken, and anything once the stop has begun', async () => {
    const { lifecycle } = setUp([{ name: 'a' }])
    expect(() => lifecycle.add({ name: 'a' })).toThrow("component.name must be unique in its lifecycle, got 'a'")
    expect(() => lifecycle.add({ name: '' })).toThrow("component.name must be a non-empty string, got ''")
    await lifecycle.stop()
    expect(() => lifecycle.add({ name: 'b' })).toThrow('component b was added after the stop had begun')
  })

  it('stops a component that came after the start, which starts itself', async () => {
    const journal: string[] = []
    const { lifecycle } = setUp([])
    await lifecycle.start()
    lifecycle.add(recorded('late', journal))
    await lifecycle.stop()
    expect(journal).toEqual(['late stopIntake', 'late drain', 'late flush', 'late close'])
  })
})

describe('Lifecycle.stop', () => {
  it('goes phase by phase, the latest component first', async () => {
    const journal: string[] = []
    const { lifecycle } = setUp([recorded('a', journal), recorded('b', journal)])
    await lifecycle.start()
    journal.length = 0
    const report = await lifecycle.stop()
    expect(journal).toEqual(PHASES.flatMap((phase) => [`b ${phase}`, `a ${phase}`]))
    expect(report).toEqual({ durationMs: 0, problems: [] })
    expect(lifecycle.state).toBe('stopped')
  })

  it('turns readiness red first and gives load balancers time to see it', async () => {
    const readyAtIntakeStop: boolean[] = []
    const { lifecycle, clock } = setUp([{ name: 'server', stopIntake: () => void readyAtIntakeStop.push(lifecycle.isReady) }], {
      readinessDelayMs: 300,
    })
    await lifecycle.start()
    const stopping = lifecycle.stop()
    expect(lifecycle.isReady).toBe(false)
    await clock.advance(299)
    expect(readyAtIntakeStop).toEqual([])
    await clock.advance(1)
    expect(readyAtIntakeStop).toEqual([false])
    await expect(stopping).resolves.toMatchObject({ durationMs: 300 })
  })

  it('does not wait for load balancers when it was never ready', async () => {
    const { lifecycle, clock } = setUp([{ name: 'a' }], { readinessDelayMs: 300 })
    expect((await until(clock, lifecycle.stop())).tookMs).toBe(0)
  })

  it('gives everyone the same report, and does its work once', async () => {
    const journal: string[] = []
    const { lifecycle } = setUp([recorded('a', journal)])
    const first = lifecycle.stop()
    expect(await lifecycle.stop()).toBe(await first)
    await lifecycle[Symbol.asyncDispose]()
    expect(journal).toHaveLength(PHASES.length)
  })

  it.each<StopPhase & (typeof PHASES)[number]>(PHASES)(
    'keeps its budget when %s ignores its signal, names who blocked, and lets the others finish',
    async (phase) => {
      const journal: string[] = []
      const { lifecycle, clock } = setUp([recorded('a', journal), { name: 'deaf', [phase]: never }, recorded('c', journal)], {
        stopBudgetMs: 1000,
      })
      await lifecycle.start()
      const { value: report, tookMs } = await until(clock, lifecycle.stop())
      expect(tookMs).toBeLessThanOrEqual(1000)
      expect(report.durationMs).toBe(tookMs)
      expect(report.problems).toEqual([{ component: 'deaf', phase, error: expect.any(TimeoutError) }])
      expect(report.problems[0]?.error.message).toMatch(new RegExp(`^deaf ${phase} did not end within \\d+ ms$`))
      for (const name of ['a', 'c']) expect(journal).toEqual(expect.arrayContaining(PHASES.map((each) => `${name} ${each}`)))
      expect(clock.pendingTimers).toBe(0)
    },
  )

  it('keeps its budget when everything blocks, the delay included', async () => {
    const deaf = (name: string): Component => ({ name, stopIntake: never, drain: never, flush: never, close: never })
    const { lifecycle, clock } = setUp([deaf('a'), deaf('b'), deaf('c')], { stopBudgetMs: 1000, readinessDelayMs: 400 })
    await lifecycle.start()
    const { value: report, tookMs } = await until(clock, lifecycle.stop())
    expect(tookMs).toBeCloseTo(1000, 6)
    expect(report.problems).toHaveLength(12)
    expect(clock.pendingTimers).toBe(0)
  })

  it('aborts the signal of a step whose time is up', async () => {
    let reason: unknown
    const drain = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          reason = signal.reason
          resolve()
        }),
      )
    const { lifecycle, clock } = setUp([{ name: 'slow', drain }], { stopBudgetMs: 100 })
    await until(clock, lifecycle.stop())
    expect(reason).toBeInstanceOf(TimeoutError)
  })

  it('reports a step that fails and goes on', async () => {
    const journal: string[] = []
    const flush = (): never => {
      throw new Error('disk full')
    }
    const { lifecycle } = setUp([recorded('a', journal, { flush })])
    const report = await lifecycle.stop()
    expect(report.problems).toEqual([{ component: 'a', phase: 'flush', error: expect.any(CommunicationError) }])
    expect(journal).toContain('a close')
  })
})

describe('Lifecycle.health', () => {
  const answering = (name: string, health: () => Health | Promise<Health>): Component => ({ name, health })

  it('is healthy when no component is down', async () => {
    const { lifecycle, clock } = setUp([
      { name: 'silent' },
      answering('good', () => ({ status: 'up' })),
      answering('slow', async () => ({ status: 'degraded', reason: 'lag 12' })),
    ])
    expect(await lifecycle.healthCheck()).toEqual({
      isHealthy: true,
      components: { silent: { status: 'up' }, good: { status: 'up' }, slow: { status: 'degraded', reason: 'lag 12' } },
    })
    expect(clock.pendingTimers).toBe(0)
  })

  it('takes a component that throws, or answers nonsense, for down', async () => {
    const { lifecycle } = setUp([
      answering('bad', () => {
        throw new Error('cannot reach amqp://user:secret@mq')
      }),
      answering('odd', () => ({ status: 'fine' }) as unknown as Health),
      answering('empty', () => undefined as unknown as Health),
    ])
    expect(await lifecycle.healthCheck()).toEqual({
      isHealthy: false,
      components: {
        bad: { status: 'down', reason: 'cannot reach amqp://[redacted]@mq' },
        odd: { status: 'down', reason: "the health of odd must be one of 'up', 'degraded', 'down', got 'fine'" },
        empty: { status: 'down', reason: "the health of empty must be one of 'up', 'degraded', 'down', got undefined" },
      },
    })
  })

  it('takes a component that does not answer in time for down, and aborts its signal', async () => {
    let aborted: AbortSignal | undefined
    const stuck: Component = {
      name: 'stuck',
      health: (signal) => {
        aborted = signal
        return new Promise(() => undefined)
      },
    }
    const { lifecycle, clock } = setUp([stuck], { healthTimeoutMs: 50 })
    const { value, tookMs } = await until(clock, lifecycle.healthCheck())
    expect(value.components.stuck).toEqual({ status: 'down', reason: 'stuck health check did not end within 50 ms' })
    expect(aborted?.aborted).toBe(true)
    expect(tookMs).toBe(50)
    expect(clock.pendingTimers).toBe(0)
  })
})
