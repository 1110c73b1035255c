import { once } from 'node:events'
import type { MessageMeta, SubscribeOptions } from '@comm/messaging'
import type { Command } from 'commander'
import { parseCount } from '../arguments/units.ts'
import type { Bind, Invocation } from '../invocation.ts'
import { messageJson, messageLine } from './show-message.ts'
import { parseStart } from './start.ts'

interface TailArguments {
  readonly json?: true
  readonly count?: number
  readonly from: NonNullable<SubscribeOptions['from']>
}

export function addTailCommand(program: Command, bind: Bind): void {
  const command = program
    .command('tail <topic...>')
    .description('print the messages of topics, or of patterns such as order.*, until Ctrl-C')
    .option('--json', 'one line of JSON a message')
    .option('-n, --count <n>', 'end after so many', parseCount)
    .option('--from <start>', 'new, earliest, a duration ago, or a time, where the broker keeps messages', parseStart, 'new')
    .addHelpText('after', '\nIt gets copies of its own: no group loses a message to it.')
  bind(command, tail)
}

async function tail(invocation: Invocation, ...topics: readonly string[]): Promise<number> {
  const { terminal } = invocation
  const { json, count = Number.POSITIVE_INFINITY, from } = invocation.options<TailArguments>()
  const show = json ? messageJson : messageLine
  return invocation.withBroker(async (client) => {
    const enough = Promise.withResolvers<void>()
    let seen = 0
    const print = async (body: unknown, meta: MessageMeta): Promise<void> => {
      if (++seen > count) return
      await terminal.print(show(body, meta, Date.now()))
      if (seen >= count) enough.resolve()
    }
    const subscription = await client.subscribe([...topics], print, {
      from,
      lanes: 'none',
      // Without content type a message may be anything: `guessBody` finds out.
      contentType: 'application/octet-stream',
      retry: { maxAttempts: 1 },
      deadLetter: false,
    })
    terminal.say(`listening to ${topics.join(', ')}; Ctrl-C ends`)
    const stopped = terminal.stop.aborted ? undefined : once(terminal.stop, 'abort')
    const error = await Promise.race([subscription.ended, enough.promise, stopped])
    if (error instanceof Error) throw error
    return 0
  })
}
