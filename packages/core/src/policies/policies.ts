import { type Clock, systemClock } from '../clock.ts'
import { ConfigurationError, type Problem } from '../errors/errors.ts'
import { checkOptions, configurationError, describeValue, object } from '../options.ts'
import { pipeline } from '../resilience/pipeline.ts'
import { forgetReadings } from '../resilience/readings.ts'
import { aClock } from '../resilience/rules.ts'
import type { Callee, Cancellation, Pipeline } from '../resilience/stage.ts'
import { type BuiltPolicy, buildPolicy } from './build-policy.ts'
import type { PoliciesConfig } from './policy-config.ts'
import { entriesOf } from './policy-entries.ts'

export interface PoliciesOptions {
  /** @default systemClock */
  readonly clock?: Clock
}

/** What a reload has done, by name. */
export interface PoliciesChange {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  readonly unchanged: readonly string[]
}

/** Pipelines by name, from a configuration that may change while they are in use. */
export interface Policies {
  readonly names: readonly string[]
  /**
   * Always the same pipeline for a name: each of its runs takes place under the configuration of the moment when it begins. After the
   * name has been removed its runs reject.
   * @throws ConfigurationError when there is no such name
   */
  get(name: string): Pipeline
  /**
   * Takes on a new configuration: all of it, or nothing when anything in it is wrong. A policy that has not changed keeps what it has
   * learned (a breaker its window and state, a bulkhead its slots), and a budget too when only its retry has changed. Calls under way go on
   * under the old one.
   * @throws ConfigurationError with every problem at once
   */
  reload(config: PoliciesConfig): PoliciesChange
  /** Each name, and its policies in execution order. */
  describe(): string
}

interface Named {
  readonly policies: readonly BuiltPolicy[]
  readonly pipeline: Pipeline
}

/**
 * Builds named pipelines from a configuration: `policies({ orders: { retry: { maxRetries: 3 }, timeout: { ms: 800 } } })`.
 * @throws ConfigurationError with every problem at once
 */
export function policies(config: PoliciesConfig, options: PoliciesOptions = {}): Policies {
  checkOptions<PoliciesOptions>('policies options', options, { clock: aClock })
  const { clock = systemClock } = options
  let current: ReadonlyMap<string, Named> = new Map()
  const handles = new Map<string, Pipeline>()

  const named = (name: string): Named => {
    const found = current.get(name)
    if (found !== undefined) return found
    const known = [...current.keys()].join(', ') || 'none'
    throw new ConfigurationError(`there are no policies named '${name}'; there are ${known}`, {
      problems: [{ key: `policies.${name}`, received: 'nothing', expected: `one of ${known}` }],
    })
  }

  const reload = (next: PoliciesConfig): PoliciesChange => {
    const built = build(next, current, clock)
    const change = compare(current, built)
    const before = stagesOf(current)
    current = built
    const after = stagesOf(current)
    for (const stage of before) if (!after.has(stage)) forgetReadings(stage)
    return change
  }

  reload(config)
  return {
    get names() {
      return [...current.keys()]
    },
    get(name) {
      named(name)
      const handle = handles.get(name) ?? handleOf(() => named(name).pipeline)
      handles.set(name, handle)
      return handle
    },
    reload,
    describe: () => [...current].map(([name, { pipeline: own }]) => `${name}\n${indent(own.describe())}`).join('\n'),
  }
}

/** Builds everything before it changes anything. */
function build(config: PoliciesConfig, before: ReadonlyMap<string, Named>, clock: Clock): ReadonlyMap<string, Named> {
  if (!object.accepts(config)) {
    const [key, expected, received] = ['policies', 'an object of policies by name', describeValue(config)]
    throw configurationError(key, [{ key, expected, received }])
  }
  const problems: Problem[] = []
  const all = Object.entries(config).map(([name, own]) => {
    const known = before.get(name)
    const entries = entriesOf(`policies.${name}`, own, problems)
    const built = entries.map((entry) => {
      const previous = known?.policies.find(({ entry: { id } }) => id === entry.id)
      return buildPolicy(name, entry, previous, clock, problems)
    })
    return { name, known, built: built.filter((policy) => policy !== undefined) }
  })
  if (problems.length > 0) throw configurationError('policies', problems)
  return new Map(all.map(({ name, known, built }) => [name, isSame(known, built) ? known : pipelineOf(built, clock)]))
}

function pipelineOf(built: readonly BuiltPolicy[], clock: Clock): Named {
  const stages = built.map(({ stage }) => stage)
  return { policies: built, pipeline: pipeline(stages, { clock }) }
}

function isSame(known: Named | undefined, built: readonly BuiltPolicy[]): known is Named {
  if (known?.policies.length !== built.length) return false
  return built.every(({ stage }, at) => known.policies[at]?.stage === stage)
}

function compare(before: ReadonlyMap<string, Named>, after: ReadonlyMap<string, Named>): PoliciesChange {
  const names = [...after.keys()]
  const isKept = (name: string): boolean => before.get(name) === after.get(name)
  return {
    added: names.filter((name) => !before.has(name)),
    changed: names.filter((name) => before.has(name) && !isKept(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    unchanged: names.filter(isKept),
  }
}

function stagesOf(all: ReadonlyMap<string, Named>): ReadonlySet<BuiltPolicy['stage']> {
  return new Set([...all.values()].flatMap(({ policies: built }) => built.map(({ stage }) => stage)))
}

function handleOf(find: () => Pipeline): Pipeline {
  return {
    get stages() {
      return find().stages
    },
    run<Argument, Result>(callee: Callee<Argument, Result>, argument: Argument, signal?: Cancellation): Promise<Result> {
      let found: Pipeline
      try {
        found = find()
      } catch (removed) {
        return Promise.reject(removed)
      }
      return found.run(callee, argument, signal)
    },
    describe: () => find().describe(),
  }
}

function indent(text: string): string {
  return text === '' ? '  (no policies)' : text.replace(/^/gm, '  ')
}
