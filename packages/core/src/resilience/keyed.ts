import { callable, checkArgument, checkOptions, nonEmptyText, number, type Rule, withDefaults } from '../options.ts'
import { promiseOf } from './promise-of.ts'
import type { Reading } from './readings.ts'
import { aCount } from './rules.ts'
import type { ANSWERED, Call, Stage } from './stage.ts'

export interface KeyedOptions {
  /** Names it in metrics. @default 'keyed' */
  readonly name?: string
  /** What is behind each key, for `describe()`. @default none */
  readonly of?: string
  /** Which stage a call goes through: those of equal keys share one. @default the id of call.target, or else call.target itself */
  readonly key?: (call: Call) => unknown
  /** More stages are not kept: the one that was used longest ago goes, except those in use. @default 1000 */
  readonly maxKeys?: number
  /** A stage that was not used for so long goes, and what it has counted with it. @default 600000 */
  readonly idleMs?: number
}

export const KEYED_DEFAULTS: Readonly<Required<Omit<KeyedOptions, 'key' | 'of'>>> = Object.freeze({
  name: 'keyed',
  maxKeys: 1000,
  idleMs: 600_000,
})

export interface Keyed<Kind extends Stage> extends Stage {
  /** Keys that have a stage now. */
  readonly size: number
  /** The stage of a key, if there is one; looking does not count as use. */
  get(key: unknown): Kind | undefined
  /** Those there are, the one used longest ago first. */
  entries(): IterableIterator<[unknown, Kind]>
}

class Entry<Kind extends Stage> {
  readonly key: unknown
  readonly stage: Kind
  usedAt: number
  /** Calls inside, and callees that they have left behind. */
  inUse = 0

  constructor(key: unknown, stage: Kind, now: number) {
    this.key = key
    this.stage = stage
    this.usedAt = now
  }

  readonly release = (): void => {
    this.inUse--
  }
}

/** What the call keeps at the place of the keyed stage: whose it is, and what that one has kept itself. */
interface Held<Kind extends Stage> {
  readonly entry: Entry<Kind>
  own: unknown
  isReleased: boolean
}

const INNER: Rule = {
  expected: 'a stage without around()',
  accepts: (value) => typeof value === 'object' && value !== null && (value as Partial<Stage>).around === undefined,
}

type EnterAnswer = ReturnType<NonNullable<Stage['enter']>>
type LeaveAnswer = ReturnType<NonNullable<Stage['leave']>>

/**
 * A stage of its own for each key, made when it is first needed: behind a stage that picks the instance, each instance has a breaker
 * and a bulkhead of its own. The number of keys is bounded, and idle ones are forgotten; one that is in use never is.
 *
 * @param make a stage with `enter`, `leave` and `undo`, not `around`, whose state is there when `enter` has answered, as ours do
 */
export function keyed<Kind extends Stage>(make: (key: unknown) => Kind, options: KeyedOptions = {}): Keyed<Kind> {
  checkArgument('keyed make', make, callable)
  checkOptions<KeyedOptions>('keyed', options, {
    name: nonEmptyText,
    of: nonEmptyText,
    key: callable,
    maxKeys: aCount,
    idleMs: number({ min: 0, infinite: true }),
  })
  const { name, of, key: keyOf = targetOf, maxKeys, idleMs } = withDefaults(KEYED_DEFAULTS, options)
  /** The one used longest ago first. */
  const entries = new Map<unknown, Entry<Kind>>()
  const entering = new WeakMap<Promise<unknown>, Entry<Kind>>()
  let latest: Entry<Kind> | undefined

  const forget = (entry: Entry<Kind>): void => {
    entries.delete(entry.key)
    if (latest === entry) latest = undefined
  }

  /** Forgets what is idle, and what is too much. Those in use are passed over, of which there are no more than calls under way. */
  const evict = (now: number): void => {
    for (const entry of entries.values()) {
      const isTooMuch = entries.size > maxKeys
      if (!isTooMuch && now - entry.usedAt < idleMs) return
      if (entry.inUse === 0) forget(entry)
    }
  }

  const use = (call: Call): Entry<Kind> => {
    const key = keyOf(call)
    const now = call.clock.now()
    if (latest !== undefined && Object.is(latest.key, key)) {
      latest.usedAt = now
      return latest
    }
    let entry = entries.get(key)
    if (entry === undefined) {
      const stage = make(key)
      checkArgument('keyed make result', stage, INNER)
      entry = new Entry(key, stage, now)
    } else {
      entries.delete(key)
      entry.usedAt = now
    }
    // In use already, so that it is not the one that has to go.
    entry.inUse++
    entries.set(key, entry)
    evict(now)
    entry.inUse--
    latest = entry
    return entry
  }

  const hold = (call: Call, at: number, held: Held<Kind>): void => {
    held.own = call.state(at)
    call.setState(at, held)
  }

  return {
    name: 'keyed',
    description: `keyed${name === 'keyed' ? '' : ` ${name}`} (at most ${maxKeys} keys, forgotten after ${idleMs} ms)${of === undefined ? '' : `: ${of}`}`,
    get size() {
      return entries.size
    },
    get: (key) => entries.get(key)?.stage,
    *entries() {
      for (const { key, stage } of entries.values()) yield [key, stage]
    },
    enter(call: Call, at: number): EnterAnswer {
      const entry = use(call)
      entry.inUse++
      let answer: EnterAnswer
      try {
        answer = entry.stage.enter?.(call, at)
      } catch (thrown) {
        entry.inUse--
        throw thrown
      }
      const held: Held<Kind> = { entry, own: undefined, isReleased: false }
      hold(call, at, held)
      const pending = answer === undefined ? undefined : (promiseOf(answer) as Promise<void | typeof ANSWERED> | undefined)
      if (pending === undefined) return answer
      entering.set(pending, entry)
      const { cancellation } = call
      pending.then(() => {
        // It may have kept its state only now. A call that was cancelled meanwhile may be at this place again.
        if (call.state(at) !== held && !cancellation.aborted) hold(call, at, held)
      }, entry.release)
      return pending
    },
    leave(call: Call, at: number): LeaveAnswer {
      const held = call.state(at) as Held<Kind>
      const { entry } = held
      // A stage that runs what is inside again is asked again, but whether it does is not told.
      if (!held.isReleased) call.whenSettled(at, entry.release)
      held.isReleased = true
      call.setState(at, held.own)
      try {
        return entry.stage.leave?.(call, at)
      } finally {
        hold(call, at, held)
      }
    },
    undo(pending: Promise<unknown>): void {
      const entry = entering.get(pending)
      if (entry === undefined) return
      entry.inUse--
      entry.stage.undo?.(pending)
    },
    readings() {
      const all: Reading[] = [...entries.values()].flatMap(({ stage }) => stage.readings?.() ?? [])
      return [...all, { kind: 'keys', policy: 'keyed', name, value: entries.size }]
    },
  }
}

/** An instance may be described anew while it stays the same one. */
function targetOf({ target }: Call): unknown {
  return typeof target === 'object' && target !== null && 'id' in target ? target.id : target
}
