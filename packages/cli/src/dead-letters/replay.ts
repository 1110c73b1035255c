import type { DeadLetter, ReplayReport } from '@comm/messaging'
import { cut, printable } from '../format/printable.ts'
import { table } from '../format/table.ts'
import type { Invocation } from '../invocation.ts'
import { listOptions, type Selection } from './selection.ts'
import { sayWhatIsLeft, withLetters } from './with-letters.ts'

interface ReplayArguments extends Selection {
  readonly dryRun?: true
  readonly maxReplays: number
  readonly json?: true
}

/** What became of one letter, or would. */
interface Fate {
  readonly id: string
  readonly messageId: string | undefined
  readonly outcome: 'replayed' | 'would replay' | 'refused' | 'failed'
  readonly why: string | undefined
}

const LONGEST_WHY = 100

export function replayLetters(invocation: Invocation, topic: string): Promise<number> {
  const { terminal } = invocation
  const { dryRun = false, maxReplays, json, ...selection } = invocation.options<ReplayArguments>()
  return withLetters(invocation, topic, async (letters) => {
    const count = await letters.count()
    const report = await letters.replay({ ...listOptions(selection, Date.now()), dryRun, maxReplays })
    const fates = fatesOf(report, dryRun)
    if (json) for (const fate of fates) await terminal.print(printable(JSON.stringify(fate)))
    else if (fates.length > 0) for (const line of table(rowsOf(fates))) await terminal.print(line)
    for (const line of summary(report, `group ${letters.group} of ${topic}`, { dryRun, maxReplays })) terminal.say(line)
    sayWhatIsLeft(invocation, count, selection.limit)
    return report.failed.length === 0 ? 0 : 1
  })
}

function fatesOf({ replayed, refused, failed }: ReplayReport, dryRun: boolean): readonly Fate[] {
  const fate = ({ id, messageId }: DeadLetter, outcome: Fate['outcome'], why: string | undefined): Fate => ({
    id,
    messageId,
    outcome,
    why,
  })
  return [
    ...replayed.map((letter) => fate(letter, dryRun ? 'would replay' : 'replayed', letter.message)),
    ...refused.map((letter) =>
      fate(letter, 'refused', `replayed ${letter.replays} times before: ${letter.message ?? 'no error kept'}`),
    ),
    ...failed.map(({ letter, error }) => fate(letter, 'failed', error.message)),
  ]
}

function rowsOf(fates: readonly Fate[]): readonly (readonly string[])[] {
  const rows = fates.map(({ outcome, id, why }) => [outcome, id, cut(why ?? '-', LONGEST_WHY)].map(printable))
  return [['OUTCOME', 'ID', 'WHY'], ...rows]
}

function summary(
  { replayed, refused, failed, removed }: ReplayReport,
  where: string,
  { dryRun, maxReplays }: { readonly dryRun: boolean; readonly maxReplays: number },
): readonly string[] {
  const still = dryRun ? 0 : replayed.length - removed
  return [
    dryRun
      ? `${replayed.length} would be replayed to ${where}; nothing was done`
      : `${replayed.length} replayed to ${where}, ${failed.length} failed`,
    ...(refused.length === 0
      ? []
      : [
          `${refused.length} refused: replayed ${maxReplays} times or more and died again; mend the cause, or raise --max-replays`,
        ]),
    ...(still > 0
      ? [
          `${still} of the replayed ones are dead letters still, as this broker takes out no single ones; purge them when all is well`,
        ]
      : []),
  ]
}
