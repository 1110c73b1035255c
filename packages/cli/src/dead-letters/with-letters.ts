import { unlessAborted } from '@comm/core'
import type { DeadLetters, MessageClient } from '@comm/messaging'
import type { Invocation } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'

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
  const useUnlessStopped = async (client: MessageClient): Promise<number> => {
    stop.throwIfAborted()
    return unlessAborted(use(client.deadLetters(topic, group)), stop)
  }
  return invocation.withBroker(useUnlessStopped, {}, config)
}

/** Says so when there are more letters than were looked at. @param count how many there were then */
export function sayWhatIsLeft({ terminal }: Invocation, count: number, limit: number): void {
  if (count > limit) terminal.say(`looked at the oldest ${limit} of ${count} dead letters; --limit ${count} looks at all of them`)
}
