// `pnpm storm`: what our policies are good for, over real HTTP. The last line is the report, as JSON; exit code 1 when a limit is broken.
import { writeFile } from 'node:fs/promises'
import { stderr, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { plotSvg } from './plot.ts'
import { storm, stormFailures } from './storm.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    rate: { type: 'string', default: '300' },
    svg: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const perSecond = Number(values.rate)
if (!(seconds > 0 && perSecond > 0)) {
  stderr.write('storm: --seconds and --rate must be numbers above 0\n')
  process.exit(2)
}

const { usual, runs } = await storm({ seconds, perSecond })
for (const { name, success, p50Ms, p99Ms, retryRatio } of [usual, ...runs]) {
  const share = `${(success * 100).toFixed(2)} % answered`
  stderr.write(
    `${name.padEnd(30)} ${share}, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${(retryRatio * 100).toFixed(1)} % retries\n`,
  )
}
if (values.svg !== undefined) {
  const title = `${perSecond} requests a second: one instance is well, one refuses connections, one answers 500 ms late`
  await writeFile(values.svg, plotSvg(title, runs, seconds))
}
const failures = stormFailures(usual, runs)
for (const failure of failures) stderr.write(`failed: ${failure}\n`)
const report = [usual, ...runs].map(({ samples: _, ...summary }) => summary)
stdout.write(`${JSON.stringify({ storm: { seconds, perSecond, runs: report, failures } })}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
