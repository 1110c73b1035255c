import type { AnySchema } from './alternatives.ts'
import { type Refusal, Refusals } from './refusals.ts'

/** Something that breaks who relies on the earlier document. */
export interface BreakingChange {
  /** What kind of change, stable: `path-removed`, `request-required`, `answer-type` … */
  readonly rule: string
  /** `POST /orders body /amount`, `receive order.created payload /email`. */
  readonly at: string
  /** Completes the sentence that `at` begins. */
  readonly message: string
}

/** Who sends what a schema describes: `in` comes from others, `out` goes to them. */
export type Flow = 'in' | 'out'

/** Collects what breaks others, between one document and the next. */
export class Findings {
  readonly all: BreakingChange[] = []
  readonly #before: unknown
  readonly #after: unknown

  constructor(before: unknown, after: unknown) {
    this.#before = before
    this.#after = after
  }

  add(rule: string, at: string, message: string): void {
    this.all.push({ rule, at, message })
  }

  /** What others send must still be taken; what they get must still be what they know. An absent schema says nothing. */
  compare(flow: Flow, at: string, before: AnySchema | undefined, after: AnySchema | undefined): void {
    const [one, other] = flow === 'in' ? [before, after] : [after, before]
    const roots = [this.#before, this.#after] as const
    const refusals = flow === 'in' ? new Refusals(roots[0], roots[1]) : new Refusals(roots[1], roots[0])
    for (const refusal of refusals.between(one ?? true, other ?? true)) {
      // Others pass over properties that they do not know.
      if (flow === 'out' && refusal.kind === 'unknown-property') continue
      this.add(`${flow}-${refusal.kind}`, refusal.at === '' ? at : `${at} ${refusal.at}`, sentence(flow, refusal))
    }
  }
}

function sentence(flow: Flow, { kind, what, limits: [one, other] = ['', ''] }: Refusal): string {
  if (flow === 'in') {
    if (kind === 'required') return `must now have '${what}'`
    if (kind === 'unknown-property') return what === 'others' ? 'may no longer have unknown properties' : 'may no longer be there'
    return kind === 'limit' ? `has ${what} ${other} now, had ${one}` : `may no longer be ${what}`
  }
  if (kind === 'required') return `may now lack '${what}'`
  return kind === 'limit' ? `has ${what} ${one} now, had ${other}` : `may now be ${what}`
}
