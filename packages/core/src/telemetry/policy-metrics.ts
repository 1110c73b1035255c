import type { PolicyEvent } from '../resilience/policy-events.ts'
import type { ReadingKind } from '../resilience/readings.ts'

interface Metric {
  readonly name: string
  /** UCUM. */
  readonly unit: string
  readonly description: string
}

type Events = { readonly [Event in PolicyEvent as Event['event']]: Event }

/** A counter of events; beside name and type of the policy it may have one attribute more. */
export type EventCounter<Kind extends keyof Events> = Metric & {
  readonly attribute?: string
  readonly value?: (event: Events[Kind]) => string
}

/** What is counted, by event. `docs/resilience.md` repeats it, compared by a test. */
export const COUNTERS: { readonly [Kind in Exclude<keyof Events, 'admission'>]: EventCounter<Kind> } = Object.freeze({
  rejection: {
    name: 'comm.policy.rejections',
    unit: '{call}',
    description: 'Calls that a policy did not let through.',
    attribute: 'comm.policy.reason',
    value: ({ reason }) => reason,
  },
  retry: { name: 'comm.retry.retries', unit: '{retry}', description: 'Attempts after the first.' },
  'give-up': {
    name: 'comm.retry.give_ups',
    unit: '{call}',
    description: 'Failures that were worth a retry and got none any more.',
    attribute: 'comm.policy.reason',
    value: ({ reason }) => reason,
  },
  'state-change': {
    name: 'comm.breaker.state_changes',
    unit: '{change}',
    description: 'Changes of state, by the new one.',
    attribute: 'comm.breaker.state',
    value: ({ to }) => to,
  },
  timeout: { name: 'comm.timeout.timeouts', unit: '{call}', description: 'Calls and attempts that took too long.' },
  fallback: { name: 'comm.fallback.answers', unit: '{call}', description: 'Failed calls that a fallback answered for.' },
  hedge: { name: 'comm.hedge.hedges', unit: '{attempt}', description: 'Attempts started beside a slow one.' },
  'hedge-win': { name: 'comm.hedge.wins', unit: '{call}', description: 'Calls that a hedge answered first.' },
  'hedge-refusal': {
    name: 'comm.hedge.refusals',
    unit: '{call}',
    description: 'Slow calls that got no hedge.',
    attribute: 'comm.policy.reason',
    value: ({ reason }) => reason,
  },
  'limit-change': {
    name: 'comm.policy.limit_changes',
    unit: '{change}',
    description: 'Changes of an adaptive limit.',
  },
  injection: {
    name: 'comm.chaos.injections',
    unit: '{call}',
    description: 'Calls that chaos was done to.',
    attribute: 'comm.chaos.kind',
    value: ({ what }) => what,
  },
})

/** How long those that waited had to wait for their place. */
export const QUEUE_DURATION: Metric = Object.freeze({
  name: 'comm.policy.queue.duration',
  unit: 's',
  description: 'Waiting times of the calls that waited for a place and got it.',
})

export const SECONDS_BUCKETS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What is read when metrics are collected. */
export const GAUGES: { readonly [Kind in ReadingKind]: Metric } = Object.freeze({
  breakers: { name: 'comm.breaker.state', unit: '{breaker}', description: 'Breakers, by their state.' },
  running: { name: 'comm.policy.running', unit: '{call}', description: 'Calls that hold a slot.' },
  queued: { name: 'comm.policy.queued', unit: '{call}', description: 'Calls that wait for a slot.' },
  limit: { name: 'comm.policy.limit', unit: '{call}', description: 'Slots that there are.' },
  'retry-budget': { name: 'comm.retry.budget', unit: '{retry}', description: 'Retries that the budget still has.' },
  'hedge-budget': { name: 'comm.hedge.budget', unit: '{attempt}', description: 'Hedges that the budget still has.' },
  keys: { name: 'comm.policy.keys', unit: '{key}', description: 'Keys that have a policy of their own.' },
})
