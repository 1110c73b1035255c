import type { RequestHead } from '../message/request-head.ts'
import type { RouteStep } from '../steps/step.ts'
import type { Timeouts } from '../upstream/timeouts.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Conditions } from './conditions.ts'
import type { PathPattern } from './path-pattern.ts'
import type { Rewrite } from './rewrite.ts'

/** A service of a route. */
export interface RouteTarget {
  readonly upstream: Upstream
  readonly weight: number
  readonly timeouts: Timeouts
  readonly preserveHost: boolean
  readonly hashHeader: string | undefined
  readonly replayBytes: number
}

/** What is done with requests of some kind. Made when a configuration is taken on, and never changed. */
export interface Route {
  readonly name: string
  readonly pattern: PathPattern
  readonly methods: ReadonlySet<string> | undefined
  readonly conditions: Conditions | undefined
  readonly targets: readonly RouteTarget[]
  /** Sum of all weights. */
  readonly weight: number
  readonly rewrite: Rewrite | undefined
  readonly retries: boolean
  readonly maxBodyBytes: number
  readonly websocket: boolean
  /** What is done before the request goes on. */
  readonly steps: readonly RouteStep[]
  /** Asks of pages of other origins are answered here, whatever the methods. */
  readonly hasCors: boolean
  /** In place of 5xx of the gateway's own. */
  readonly fallback: Fallback | undefined
}

export interface Fallback {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
}

export function chooseTarget({ targets, weight }: Route, random: () => number): RouteTarget {
  if (targets.length === 1) return targets[0] as RouteTarget
  let left = random() * weight
  for (const target of targets) {
    left -= target.weight
    if (left < 0) return target
  }
  return targets.at(-1) as RouteTarget
}

/** What routes are chosen by, beside the path. */
export interface Question {
  readonly method: string
  /** As the client named it. */
  readonly host: string
  readonly asked: RequestHead
  /** With its question mark. */
  readonly search: string
}
