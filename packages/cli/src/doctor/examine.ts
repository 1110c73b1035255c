import type { CommunicationConfig } from '@comm/config'
import { within } from '../within.ts'
import { diagnose } from './diagnose.ts'
import type { ConnectionReport, Finding } from './finding.ts'

/** Collects what a check finds, in order. */
export interface Found {
  /** What is being looked at: a failure from now on is one of it. */
  during(check: Finding['check']): void
  ok(message: string): void
  skipped(message: string): void
  wrong(message: string, remedy: { readonly advice: string; readonly settings: readonly string[] }): void
}

export interface Check {
  readonly target: string
  /** Throws at the first thing that is wrong. */
  run(found: Found): Promise<void>
}

export interface Examination {
  /** Path of the connection's section. */
  readonly connection: string
  readonly check: Check
  readonly config: CommunicationConfig
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Sees what failed, with its causes. */
  readonly onFailure: (thrown: unknown) => void
}

/** Runs a check to its end or to the time limit, whichever comes first. Never rejects. */
export async function examine({
  connection,
  check,
  config,
  timeoutMs,
  signal,
  onFailure,
}: Examination): Promise<ConnectionReport> {
  const findings: Finding[] = []
  let at: Finding['check'] = 'connection'
  let isOver = false
  const add = (finding: Finding): void => {
    // What comes after the time limit would contradict it.
    if (!isOver) findings.push(finding)
  }
  const found: Found = {
    during: (next) => {
      at = next
    },
    ok: (message) => add({ check: at, status: 'ok', message }),
    skipped: (message) => add({ check: at, status: 'skipped', message }),
    wrong: (message, { advice, settings }) =>
      add({ check: at, status: 'wrong', message, advice, settings: sourcesOf(config, connection, settings) }),
  }
  try {
    await within(timeoutMs, signal, 'no answer', () => check.run(found))
  } catch (thrown) {
    onFailure(thrown)
    const { check: failed, message, advice, settings } = diagnose(thrown, at)
    add({ check: failed, status: 'wrong', message, advice, settings: sourcesOf(config, connection, settings) })
  }
  isOver = true
  return { connection, target: check.target, findings }
}

/** Those that somebody set; where nobody set any, all of them. */
function sourcesOf(config: CommunicationConfig, connection: string, names: readonly string[]): NonNullable<Finding['settings']> {
  const known = config.sources()
  const settings = names.flatMap((name) => {
    const key = `${connection}.${name}`
    const source = known[key]
    return source === undefined ? [] : [{ key, source }]
  })
  const set = settings.filter(({ source }) => source !== 'default')
  return set.length > 0 ? set : settings
}
