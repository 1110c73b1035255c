import type { CommunicationConfig } from '@comm/config'
import { ConfigurationError } from '@comm/core'
import type { Command } from 'commander'
import { chooseBroker } from '../broker/choose-broker.ts'
import { errorLines } from '../error-lines.ts'
import type { Bind, Invocation } from '../invocation.ts'
import { brokerConnections, type Connection, connectionsOf } from './connections.ts'
import { examine } from './examine.ts'
import { type ConnectionReport, isWell } from './finding.ts'
import { reportJson, reportLines } from './report.ts'

interface DoctorOptions {
  readonly json?: true
  readonly roundTrip: boolean
}

export function addDoctorCommand(program: Command, bind: Bind): void {
  const command = program
    .command('doctor')
    .description('try every configured connection, and say what is wrong and what to do')
    .option('--no-round-trip', 'send no message to a topic of its own and back')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nWith --broker it tries that one alone. It ends with 1 when anything is wrong, or nothing is configured.',
    )
  bind(command, doctor)
}

async function doctor(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { json } = invocation.options<DoctorOptions>()
  const reports = await examineAll(invocation)
  terminal.stop.throwIfAborted()
  for (const line of json ? [reportJson(reports)] : reportLines(reports)) await terminal.print(line)
  const wrong = reports.filter((report) => !isWell(report)).length
  terminal.say(wrong === 0 ? 'all is well' : `something is wrong with ${wrong} of ${reports.length}`)
  return wrong === 0 ? 0 : 1
}

async function examineAll(invocation: Invocation): Promise<readonly ConnectionReport[]> {
  const { terminal, global } = invocation
  const { timeout: timeoutMs } = global
  let config: CommunicationConfig
  try {
    config = invocation.loadConfig()
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) return [wrongConfiguration(thrown)]
    throw thrown
  }
  const connections = connectionsToTry(invocation, config)
  if (connections.length === 0) return [nothingConfigured]
  const onFailure = (thrown: unknown): void => {
    if (global.verbose) for (const line of errorLines(thrown, true)) terminal.say(line)
  }
  return Promise.all(connections.map((each) => examine({ ...each, config, timeoutMs, signal: terminal.stop, onFailure })))
}

function connectionsToTry(invocation: Invocation, config: CommunicationConfig): readonly Connection[] {
  const { logger, terminal, global } = invocation
  const { roundTrip } = invocation.options<DoctorOptions>()
  const options = { logger, timeoutMs: global.timeout, signal: terminal.stop, roundTrip }
  if (global.broker === undefined) return connectionsOf(config, options)
  const { section, path = '--broker' } = chooseBroker(config, global.broker)
  return brokerConnections(path, section, options)
}

function wrongConfiguration({ problems, message }: ConfigurationError): ConnectionReport {
  const found = problems.map(({ key, received, expected, source }) => ({
    check: 'configuration' as const,
    status: 'wrong' as const,
    message: `${key} must be ${expected}, got ${received}`,
    ...(source === undefined ? {} : { settings: [{ key, source }] }),
  }))
  const alone = [{ check: 'configuration' as const, status: 'wrong' as const, message }]
  return { connection: 'configuration', target: 'before anything is connected', findings: found.length === 0 ? alone : found }
}

const nothingConfigured: ConnectionReport = {
  connection: 'configuration',
  target: 'nothing to try',
  findings: [
    {
      check: 'configuration',
      status: 'wrong',
      message: 'no HTTP client and no message broker is configured',
      advice: 'pass --config or --broker, or set HTTP_CLIENT_BASE_URL or MESSAGE_BROKER_TYPE',
    },
  ],
}
