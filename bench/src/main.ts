import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { areaNames, loadArea } from './areas.ts'
import { QUIET } from './contender-process.ts'
import { runArea } from './run-area.ts'

const USAGE = `bench [area] [options]      measures; without an area, all of them

  --list          names areas and their works
  --work NAME     only this work
  --package NAME  only areas that measure this package (a folder of packages/)
  --json FILE     writes the figures; needs one area
  --profile DIR   writes a CPU profile of each contender; profiled figures are too high
  --short         one round, few operations, no limits: shows that the bench still runs`

/** What a preparation imports of ours must come from the sources, whoever called. */
const CONDITION = '--conditions=@comm/source'

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      work: { type: 'string' },
      package: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
      short: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }

  const all = await Promise.all((positionals.length > 0 ? positionals : areaNames()).map(loadArea))
  const areas = all.filter((area) => values.package === undefined || area.packages.includes(values.package))
  if (values.list) {
    for (const area of areas) console.log([area.name, ...area.works.map((work) => `  ${work.name}`)].join('\n'))
    return 0
  }
  if (areas.length === 0) {
    console.log(`no area measures the package '${values.package}'`)
    return 0
  }
  const { json } = values
  if (json !== undefined && areas.length > 1)
    throw new Error(`--json needs one area, got ${areas.map((area) => area.name).join(', ')}`)

  const { short, work, profile: profiles } = values
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true })
  const options = { short, work, profiles, print: console.log }
  const broken: string[] = []
  for (const area of areas) {
    const { report, brokenLimits } = await runArea(area, options)
    broken.push(...brokenLimits)
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  }
  for (const text of broken) console.error(`limit broken: ${text}`)
  return broken.length > 0 ? 1 : 0
}

if (process.execArgv.includes(CONDITION)) {
  try {
    process.exitCode = await main()
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  }
} else {
  const again = [CONDITION, ...QUIET, import.meta.filename, ...process.argv.slice(2)]
  process.exitCode = spawnSync(process.execPath, again, { stdio: 'inherit' }).status ?? 1
}
