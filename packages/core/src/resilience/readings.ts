/** What can be measured of a policy at any time. */
export const READING_KINDS = ['breakers', 'running', 'queued', 'limit', 'retry-budget', 'hedge-budget', 'keys'] as const
export type ReadingKind = (typeof READING_KINDS)[number]

/** One value that a stage shows now. Those of one kind, policy, name and state are added up. */
export interface Reading {
  readonly kind: ReadingKind
  readonly policy: string
  readonly name: string
  readonly value: number
  /** Of a breaker. */
  readonly state?: string
  /** What is measured, when several stages share it: it counts once. */
  readonly of?: object
}

/** A stage, as far as its readings go. */
interface Readable {
  readings?(): readonly Reading[]
}

interface Watched {
  /** Weak: what measures must not keep alive what is measured. */
  readonly stages: Set<WeakRef<Readable>>
  readonly known: WeakMap<Readable, WeakRef<Readable>>
  sweepAt: number
}

/** One for the process, also when this package is installed twice. */
const WATCHED: unique symbol = Symbol.for('@comm/core/policy-readings@1')
const shared = globalThis as typeof globalThis & { [WATCHED]?: Watched }
const watched: Watched = shared[WATCHED] ?? { stages: new Set(), known: new WeakMap(), sweepAt: 64 }
shared[WATCHED] = watched

/** The stages are in use from now on: their readings count until they are collected or forgotten. */
export function watchReadings(stages: readonly Readable[]): void {
  for (const stage of stages) {
    if (stage.readings === undefined || watched.known.has(stage)) continue
    const ref = new WeakRef(stage)
    watched.known.set(stage, ref)
    watched.stages.add(ref)
  }
  if (watched.stages.size >= watched.sweepAt) sweep()
}

/** The stage is out of use, though it may not be collected yet. */
export function forgetReadings(stage: Readable): void {
  const ref = watched.known.get(stage)
  if (ref === undefined) return
  watched.known.delete(stage)
  watched.stages.delete(ref)
}

function sweep(): void {
  for (const ref of watched.stages) if (ref.deref() === undefined) watched.stages.delete(ref)
  watched.sweepAt = Math.max(64, 2 * watched.stages.size)
}

/** What the policies of this process show now: those of every pipeline that is still in use. */
export function policyReadings(): readonly Reading[] {
  const seen = new Set<object>()
  const all: Reading[] = []
  for (const ref of watched.stages) {
    for (const reading of ref.deref()?.readings?.() ?? []) {
      if (reading.of !== undefined && seen.has(reading.of)) continue
      if (reading.of !== undefined) seen.add(reading.of)
      all.push(reading)
    }
  }
  return all
}
