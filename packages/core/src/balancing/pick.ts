import { callable, checkArgument, checkOptions } from '../options.ts'
import type { Call, Stage } from '../resilience/stage.ts'
import { type Classify, classifyOutcome } from '../resilience/verdict.ts'
import type { Candidate } from './candidate.ts'
import { LoadBalancer } from './load-balancer.ts'

export interface PickOptions {
  /** What a consistent choice is made by: a user, a tenant. @default none */
  readonly key?: (call: Call) => string | undefined
  /** What the outcome says about the instance. @default classifyOutcome */
  readonly classify?: Classify
}

/** An attempt at an instance. */
interface Visit {
  readonly candidate: Candidate
  readonly startedAt: number
}

/** A visit whose `enter` had to wait for the first instances; `leave` or `undo` follows. */
interface LateVisit extends Visit {
  readonly signal: AbortSignal
}

/**
 * Chooses an instance for each attempt, and gives it to what is further in as `call.target`. A retry further out goes to an instance that
 * the call has not been at. What becomes of the attempt is told to the balancer; a call that timed out counts against the load of its
 * instance until it has really ended.
 */
export function pick(balancer: LoadBalancer, options: PickOptions = {}): Stage {
  checkArgument('pick balancer', balancer, { expected: 'a LoadBalancer', accepts: (value) => value instanceof LoadBalancer })
  checkOptions<PickOptions>('pick', options, { key: callable, classify: callable })
  const { key: keyOf, classify = classifyOutcome } = options
  /** Where a call has failed. */
  const tried = new WeakMap<Call, Set<Candidate>>()
  const late = new Set<LateVisit>()

  const visit = (call: Call): Visit => {
    const candidate = balancer.acquire(keyOf?.(call), call.attempt > 1 ? tried.get(call) : undefined)
    call.target = candidate.instance
    return { candidate, startedAt: call.clock.now() }
  }

  const remember = (call: Call, candidate: Candidate): void => {
    const before = tried.get(call)
    if (before === undefined) tried.set(call, new Set([candidate]))
    else before.add(candidate)
  }

  const enterLate = async (call: Call, at: number): Promise<void> => {
    const { signal } = call
    await balancer.source.ready(signal)
    signal.throwIfAborted()
    const visited = { ...visit(call), signal }
    late.add(visited)
    call.setState(at, visited)
  }

  return {
    name: 'pick',
    description: `pick (${balancer.name}, ${balancer.strategyName})`,
    enter(call: Call, at: number): void | Promise<void> {
      if (balancer.source.instances.length === 0) return enterLate(call, at)
      call.setState(at, visit(call))
    },
    leave(call: Call, at: number): void {
      const visited = call.state(at) as Visit
      const { candidate, startedAt } = visited
      if (late.size > 0) late.delete(visited as LateVisit)
      const verdict = classify(call)
      if (verdict === 'failure') remember(call, candidate)
      balancer.report(candidate, verdict, call.clock.now() - startedAt)
      call.whenSettled(at, () => balancer.release(candidate))
    },
    undo(): void {
      for (const visited of late) {
        if (!visited.signal.aborted) continue
        late.delete(visited)
        balancer.release(visited.candidate)
      }
    },
  }
}
