// `pnpm faults <broker> [options]`: breaks a broker while messages pass, and says what became of each.
import { stderr, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { CommunicationError } from '@comm/core'
import { BROKERS, FAULT_KINDS, FAULT_RUN_DEFAULTS, type FaultRunOptions } from './options.ts'
import { runFaults } from './run.ts'

const USAGE = `faults <${BROKERS.join('|')}> [options]

  --ordered         retries wait in their lane; a single active consumer where order needs one
  --queue TYPE      RabbitMQ: quorum or classic (${FAULT_RUN_DEFAULTS.queue})
  --messages N      how many (${FAULT_RUN_DEFAULTS.messages})
  --seed S          decides faults and failures (${FAULT_RUN_DEFAULTS.seed})
  --schedule KIND   all, ${FAULT_KINDS.join(', ')} (${FAULT_RUN_DEFAULTS.schedule})

Exit code 1: a confirmed message was lost, an order that is promised was broken, or memory grew. The last line is the report, as JSON.
`

/** @throws TypeError for an option that there is not */
function parse(args: readonly string[]): FaultRunOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ordered: { type: 'boolean' },
      queue: { type: 'string' },
      messages: { type: 'string' },
      seed: { type: 'string' },
      schedule: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help || positionals.length !== 1) return undefined
  const { ordered, queue, messages, seed, schedule } = values
  // Checked by the run, which knows the words.
  return {
    broker: positionals[0],
    ordered,
    queue,
    schedule,
    messages: messages === undefined ? undefined : Number(messages),
    seed: seed === undefined ? undefined : Number(seed),
  } as FaultRunOptions
}

async function main(): Promise<number> {
  const options = parse(process.argv.slice(2))
  if (options === undefined) {
    stdout.write(USAGE)
    return 2
  }
  const { report, failures } = await runFaults(options, (line) => stderr.write(`${line}\n`))
  for (const failure of failures) stderr.write(`failed: ${failure}\n`)
  stdout.write(`${JSON.stringify(report)}\n`)
  return failures.length === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (thrown) {
  const error = CommunicationError.from(thrown)
  const isUsage = error.code === 'COMM_CONFIGURATION' || thrown instanceof TypeError
  stderr.write(`faults: ${isUsage ? error.message : ((thrown as Error).stack ?? error.message)}\n`)
  process.exitCode = isUsage ? 2 : 1
}
