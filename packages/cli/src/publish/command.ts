import { CommunicationError } from '@comm/core'
import type { MessageClient, PublishOptions } from '@comm/messaging'
import { type Command, Option } from 'commander'
import { parseCount, parseDuration, parseHeader } from '../arguments/units.ts'
import type { Bind, Invocation } from '../invocation.ts'
import { type Content, contentOf, readBody } from './read-body.ts'

interface PublishArguments {
  readonly key?: string
  readonly header?: Readonly<Record<string, string>>
  readonly delay?: number
  readonly count: number
  readonly contentType?: string
  readonly unroutable: 'error' | 'ignore'
}

/** Messages on their way at once, so that a large `--count` needs little memory. */
const AT_ONCE = 100
/** CloudEvents `source` of what the command publishes, where no service is configured. */
const SOURCE = 'comm'

export function addPublishCommand(program: Command, bind: Bind): void {
  const command = program
    .command('publish <topic> [body]')
    .description('publish a message; ends with 0 once the broker has confirmed it')
    .option('-k, --key <key>', 'messages of one key keep their order')
    .option('-H, --header <name=value>', 'a header; may be repeated', parseHeader)
    .option('--delay <duration>', 'deliver it this much later', parseDuration)
    .option('-n, --count <n>', 'publish it so many times', parseCount, 1)
    .option('--content-type <type>', 'default: JSON if the body is JSON, else text, else bytes')
    .addOption(new Option('--unroutable <what>', 'what it is that nobody takes it').choices(['error', 'ignore']).default('error'))
    .addHelpText('after', '\nThe body is text, @file, or - for the standard input, which is read as well when there is none.')
  bind(command, publish)
}

async function publish(invocation: Invocation, topic: string, word: string | undefined): Promise<number> {
  const { terminal, global } = invocation
  const { count, key, header, delay, contentType, unroutable } = invocation.options<PublishArguments>()
  const content = contentOf(await readBody(word, terminal.stdin), contentType)
  const options: PublishOptions = {
    contentType: content.contentType,
    unroutable,
    timeoutMs: global.timeout,
    signal: terminal.stop,
    ...(key === undefined ? {} : { key }),
    ...(header === undefined ? {} : { headers: header }),
    ...(delay === undefined ? {} : { delayMs: delay }),
  }
  const config = invocation.loadConfig()
  await invocation.withBroker(
    (client) => publishAll(client, topic, content, options, count),
    { serviceName: config.serviceName ?? SOURCE },
    config,
  )
  terminal.say(`published ${count === 1 ? 'a message' : `${count} messages`} to ${topic}`)
  return 0
}

/** @throws CommunicationError of the first that was not confirmed */
async function publishAll(
  client: MessageClient,
  topic: string,
  { body }: Content,
  options: PublishOptions,
  count: number,
): Promise<void> {
  let confirmed = 0
  while (confirmed < count) {
    const bodies = Array.from({ length: Math.min(AT_ONCE, count - confirmed) }, () => body)
    const outcomes = await client.publishMany(topic, bodies, options)
    const failed = outcomes.find((outcome) => !outcome.ok)
    confirmed += outcomes.filter((outcome) => outcome.ok).length
    if (failed?.ok === false) throw count === 1 ? failed.error : notAll(confirmed, count, failed.error)
  }
}

function notAll(confirmed: number, count: number, cause: CommunicationError): CommunicationError {
  const { code, retryable, message } = cause
  return new CommunicationError(`${confirmed} of ${count} messages were confirmed: ${message}`, { code, retryable, cause })
}
