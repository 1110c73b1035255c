import type { DeadLetters } from '@comm/messaging'
import type { Invocation } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'
import { unlessAborted } from '../within.ts'

export interface GroupOption {
  readonly group?: string
}

/** Connects, and gives the dead letters of the group that `--group` names, or of the configured service. @throws UsageError without either */
export async function withLetters(
  invocation: Invocation,
  topic: string,
  use: (letters: DeadLetters) => Promise<number>,
): Promise<number> {
  const config = invocation.loadConfig()
  const group = invocation.options<GroupOption>().group ?? config.serviceName
  if (group === undefined)
    throw new UsageError(
      '--group is needed: the group that could not handle the messages (or set SERVICE_NAME, which is its default)',
    )
  // What looks into a broker takes no signal; a broker that hangs must not keep Ctrl-C from ending the command.
  const { stop } = invocation.terminal
  return invocation.withBroker((client) => unlessAborted(stop, () => use(client.deadLetters(topic, group))), {}, config)
}

/** Says so when there are more letters than were looked at. */
export async function sayWhatIsLeft({ terminal }: Invocation, letters: DeadLetters, limit: number): Promise<void> {
  const count = await letters.count()
  if (count > limit) terminal.say(`looked at the oldest ${limit} of ${count} dead letters; --limit ${count} looks at all of them`)
}
