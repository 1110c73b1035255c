import { callable, checkArgument, checkOptions } from '../options.ts'
import type { Call, Stage } from '../resilience/stage.ts'
import { type Classify, classifyOutcome } from '../resilience/verdict.ts'
import type { Candidate } from './candidate.ts'
import type { Instance } from './instance.ts'
import { LoadBalancer } from './load-balancer.ts'

export interface PickOptions {
  /** What a consistent choice is made by: a user, a tenant. @default none */
  readonly key?: (call: Call) => string | undefined
  /** What the outcome says about the instance. @default classifyOutcome */
  readonly classify?: Classify
  /**
   * Whether an answer keeps its instance busy beyond the call, as a stream does that is still read. @param release for its end; idempotent
   * @returns whether it will be called @default never
   */
  readonly holds?: (answer: unknown, release: () => void) => boolean
}

/** An attempt at an instance. */
interface Visit {
  readonly candidate: Candidate
  readonly startedAt: number
}

/**
 * Chooses an instance for each attempt, and gives it to what is further in as `call.target`. A retry or a hedge further out goes to an
 * instance that the call has not been at. What becomes of the attempt is told to the balancer; a call that timed out counts against the load
 * of its instance until it has really ended.
 */
export function pick(balancer: LoadBalancer, options: PickOptions = {}): Stage {
  checkArgument('pick balancer', balancer, { expected: 'a LoadBalancer', accepts: (value) => value instanceof LoadBalancer })
  checkOptions<PickOptions>('pick', options, { key: callable, classify: callable, holds: callable })
  const { key: keyOf, classify = classifyOutcome, holds } = options
  /** Ids of the instances where calls have been, for those that go on to another. */
  const tried = new WeakMap<Call, Set<string>>()
  /** Visits whose `enter` had to wait for the first instances, until it is known whether they take place. */
  const late = new WeakMap<Promise<unknown>, Candidate>()

  const beenAt = (root: Call, last: Instance): ReadonlySet<string> => {
    const ids = (tried.get(root) ?? new Set()).add(last.id)
    tried.set(root, ids)
    return ids
  }

  const visit = (call: Call): Visit => {
    const { root } = call
    const last = root.target as Instance | undefined
    const candidate = balancer.acquire(keyOf?.(call), last === undefined ? undefined : beenAt(root, last))
    // What is further in sees its own; the root remembers the last, so that a call that has only one attempt costs nothing more.
    root.target = call.target = candidate.instance
    return { candidate, startedAt: call.clock.now() }
  }

  const enterLate = (call: Call, at: number): Promise<void> => {
    const { signal } = call
    const entering = balancer.source.ready(signal).then(() => {
      signal.throwIfAborted()
      const visited = visit(call)
      late.set(entering, visited.candidate)
      call.setState(at, visited)
    })
    return entering
  }

  return {
    name: 'pick',
    description: `pick (${balancer.name}, ${balancer.strategyName})`,
    enter(call: Call, at: number): void | Promise<void> {
      if (balancer.source.instances.length === 0) return enterLate(call, at)
      call.setState(at, visit(call))
    },
    leave(call: Call, at: number): void {
      const { candidate, startedAt } = call.state(at) as Visit
      balancer.report(candidate, classify(call), call.clock.now() - startedAt)
      if (holds === undefined || call.failed || !holds(call.value, releaseOnce(balancer, candidate)))
        call.whenSettled(at, () => balancer.release(candidate))
    },
    undo(entering: Promise<unknown>): void {
      const candidate = late.get(entering)
      if (candidate !== undefined) balancer.release(candidate)
    },
  }
}

function releaseOnce(balancer: LoadBalancer, candidate: Candidate): () => void {
  let isReleased = false
  return () => {
    if (!isReleased) balancer.release(candidate)
    isReleased = true
  }
}
