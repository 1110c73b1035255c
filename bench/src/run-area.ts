import type { Area, Case, Prepared, Report, Work } from './area.ts'
import { type Effort, FULL, SHORT } from './effort.ts'
import { checkLimits } from './limits.ts'
import { runWork } from './run-work.ts'
import { table } from './table.ts'

export interface RunOptions {
  /** One round, no limits. */
  readonly short: boolean
  /** Only the work of this name. */
  readonly work?: string | undefined
  /** Writes a CPU profile of each contender's rounds into this folder. Cold works have none. */
  readonly profiles?: string | undefined
  /** Receives the tables and verdicts, a block at a time. */
  readonly print: (text: string) => void
}

export interface Outcome {
  readonly report: Report
  readonly brokenLimits: readonly string[]
}

const NOTHING_PREPARED: Prepared = { environment: {}, stop: async () => {} }

/** @throws Error when a contender or the preparation fails, or no work bears the wanted name */
export async function runArea(area: Area, options: RunOptions): Promise<Outcome> {
  const works = chosen(area, options.work)
  const effort: Effort = { ...(options.short ? SHORT : FULL), profiles: options.profiles }
  const cases: Case[] = []
  const brokenLimits: string[] = []
  const prepared = (await area.prepare?.(new AbortController().signal, works)) ?? NOTHING_PREPARED
  try {
    for (const work of works) {
      const measured = await runWork(work, prepared, effort)
      cases.push(measured)
      options.print(table(measured))
      if (options.short) continue
      for (const { kept, text } of checkLimits(measured, work.limits ?? [])) {
        options.print(`  ${kept ? 'kept  ' : 'BROKEN'}  ${text}`)
        if (!kept) brokenLimits.push(`${area.name}, ${work.name}: ${text}`)
      }
    }
  } finally {
    await prepared.stop()
  }
  return { report: { area: area.name, node: process.version, short: options.short, cases }, brokenLimits }
}

function chosen(area: Area, name: string | undefined): readonly Work[] {
  const works = name === undefined ? area.works : area.works.filter((work) => work.name === name)
  if (works.length > 0) return works
  const known = area.works.map((work) => `'${work.name}'`).join(', ')
  throw new Error(`area ${area.name} has no work ${name === undefined ? 'at all' : `'${name}'; it has ${known}`}`)
}
