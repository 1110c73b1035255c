import type { Case, Limit, Row } from './area.ts'

export interface CheckedLimit {
  readonly kept: boolean
  /** For people: what was promised and what was measured. */
  readonly text: string
}

/** @throws Error when a limit names a contender that the case does not have, or bytes that were not measured */
export function checkLimits(measured: Case, limits: readonly Limit[]): readonly CheckedLimit[] {
  return limits.map((limit) => {
    if ('steps' in limit) return checkSteps(measured, limit)
    const row = rowOf(measured, limit.contender)
    if ('atMostBytes' in limit) {
      const bytes = row.bytesPerOp
      if (bytes === undefined) throw new Error(`work '${measured.work}' limits bytes but does not measure them: set bytes: true`)
      return {
        kept: bytes <= limit.atMostBytes,
        text: `${limit.contender} allocates ${bytes} bytes per operation, at most ${limit.atMostBytes} allowed`,
      }
    }
    if ('atMostCpuUs' in limit) {
      return {
        kept: row.cpuUsPerOp <= limit.atMostCpuUs,
        text: `${limit.contender} takes ${row.cpuUsPerOp.toPrecision(3)} us of processor time per operation, at most ${limit.atMostCpuUs} allowed`,
      }
    }
    if ('atMostShare' in limit) {
      const added = row.cpuUsPerOp - rowOf(measured, limit.over).cpuUsPerOp
      const share = added / rowOf(measured, limit.of).cpuUsPerOp
      return {
        kept: share <= limit.atMostShare,
        text: `${limit.contender} adds ${Math.round(added * 1000)} ns, ${percent(share)} of ${limit.of}, at most ${percent(limit.atMostShare)} allowed`,
      }
    }
    if ('atLeast' in limit) {
      const ratio = row.opsPerS / rowOf(measured, limit.rateOf).opsPerS
      return {
        kept: ratio >= limit.atLeast,
        text: `${limit.contender} does ${ratio.toPrecision(3)} of the operations that ${limit.rateOf} does per second, at least ${limit.atLeast.toPrecision(3)} wanted`,
      }
    }
    const ratio = row.ratioToBaseline / rowOf(measured, limit.timesOf).ratioToBaseline
    return {
      kept: ratio <= limit.atMost,
      text: `${limit.contender} costs ${ratio.toPrecision(3)} of ${limit.timesOf}, at most ${limit.atMost.toPrecision(3)} allowed`,
    }
  })
}

function checkSteps(measured: Case, { steps, atMost }: Extract<Limit, { readonly steps: unknown }>): CheckedLimit {
  const points = steps.map(([contender, count]) => ({ contender, count, cost: rowOf(measured, contender).ratioToBaseline }))
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || last.count <= first.count)
    throw new Error(`a limit of work '${measured.work}' needs a row of contenders with more and more steps`)
  const mean = (last.cost - first.cost) / (last.count - first.count)
  const slopes = points.slice(1).map(({ contender, count, cost }, at) => {
    const before = points[at] ?? first
    return { from: before.contender, to: contender, times: (cost - before.cost) / (count - before.count) / mean }
  })
  const worst = slopes.reduce((one, other) => (other.times > one.times ? other : one))
  return {
    kept: worst.times <= atMost,
    text: `a step from ${worst.from} to ${worst.to} costs ${worst.times.toPrecision(3)} of the average step, at most ${atMost.toPrecision(3)} allowed`,
  }
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}

function rowOf(measured: Case, contender: string): Row {
  const row = measured.rows.find((candidate) => candidate.contender === contender)
  if (row === undefined) throw new Error(`a limit of work '${measured.work}' names ${contender}, which is no contender of it`)
  return row
}
