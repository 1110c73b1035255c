// `pnpm soak [options]`: the long forms of the fault runs, of the leak test, of the stalled log and of the gateway's stream, one after the other.
import { stderr, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { type FinishedRun, runOne } from './run-one.ts'
import { selectRuns } from './runs.ts'

const USAGE = `soak [options]: the long forms of \`faults\`, of the leak test, of the stalled log and of the gateway's stream, one after the other

  --only WORD   those with this word: a broker, delay, outage, leak, logs, stream, --ordered, classic
  --seed S      for the runs with a schedule
  --list        only says which they are

Exit code 1: one failed.
`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seed: { type: 'string' },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const runs = selectRuns(values.only, values.seed)
  if (values.help || runs.length === 0) {
    stdout.write(runs.length === 0 ? `soak: no run has the word ${values.only}\n` : USAGE)
    return 2
  }
  if (values.list) {
    stdout.write(runs.map((words) => `${words}\n`).join(''))
    return 0
  }
  const finished: FinishedRun[] = []
  for (const words of runs) {
    const run = await runOne(words)
    finished.push(run)
    stdout.write(`${lineOf(run)}\n    ${run.result}\n`)
    if (!run.passed) stderr.write(run.log)
  }
  const failed = finished.filter(({ passed }) => !passed).length
  const minutes = finished.reduce((sum, { seconds }) => sum + seconds, 0) / 60
  stdout.write(`\n${finished.map(lineOf).join('\n')}\n`)
  stdout.write(`${finished.length - failed} passed, ${failed} failed, ${minutes.toFixed(1)} minutes\n`)
  return failed === 0 ? 0 : 1
}

function lineOf({ words, passed, seconds }: FinishedRun): string {
  return `${passed ? 'ok    ' : 'FAILED'} ${String(seconds).padStart(5)} s  ${words}`
}

process.exitCode = await main()
