import { mapLimited } from './command.ts'
import { type Part, type PartOutcome, runPart } from './part.ts'

/** Runs every part, whatever becomes of the others, two at a time; those that need the compiled packages wait for `types`. */
export async function runParts(parts: readonly Part[], root: string): Promise<readonly PartOutcome[]> {
  const started = new Map<Part, Promise<PartOutcome>>()
  const compiling = parts.find(({ name }) => name === 'types')
  return await mapLimited(parts, 2, async (part) => {
    if (part.afterTypes && compiling !== undefined) await started.get(compiling)
    const outcome = runPart(part, root)
    started.set(part, outcome)
    return await outcome
  })
}

export function failed({ result }: PartOutcome): boolean {
  return result.failures.length > 0
}

/** The failures of each part, then one aligned line per part. */
export function report(outcomes: readonly PartOutcome[]): string {
  const blocks = outcomes.flatMap(({ part, result }) => [
    ...section(`${part.name}: failures`, result.failures),
    ...section(`${part.name}: notes`, result.notes ?? []),
  ])
  const width = Math.max(...outcomes.map(({ part }) => part.name.length))
  const lines = outcomes.map((outcome) => {
    const { part, result, elapsedMs } = outcome
    const verdict = failed(outcome) ? 'FAILED' : 'ok    '
    const seconds = `${(elapsedMs / 1000).toFixed(1)} s`.padStart(7)
    const count = `${result.read} ${result.unit}`.padEnd(14)
    const found = failed(outcome) ? `  ${result.failures.length} to look at` : ''
    return `  ${part.name.padEnd(width)}  ${verdict}  ${seconds}  ${count}${found}`.trimEnd()
  })
  return [...blocks, lines.join('\n')].join('\n\n')
}

function section(title: string, texts: readonly string[]): readonly string[] {
  return texts.length === 0 ? [] : [`${title}\n${texts.map((text) => text.replace(/^/gm, '  ')).join('\n')}`]
}
