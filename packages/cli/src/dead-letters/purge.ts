import type { DeadLetters } from '@comm/messaging'
import type { Invocation } from '../invocation.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { withLetters } from './with-letters.ts'

export function purgeLetters(invocation: Invocation, topic: string): Promise<number> {
  const { terminal } = invocation
  const { yes = false } = invocation.options<{ readonly yes?: true }>()
  if (!yes && !terminal.stdin.isTTY)
    throw new UsageError('purge throws messages away for good: without a terminal to ask at, it needs --yes')
  return withLetters(invocation, topic, async (letters) => {
    if (!yes && !(await isSure(terminal, letters))) {
      terminal.say('nothing was purged')
      return 1
    }
    const purged = await letters.purge()
    terminal.say(`purged ${purged} dead letters of ${topic} for group ${letters.group}`)
    return 0
  })
}

async function isSure(terminal: Terminal, letters: DeadLetters): Promise<boolean> {
  const question = `throw away ${await letters.count()} dead letters of ${letters.topic} for group ${letters.group}, for good? [y/N] `
  const answer = await terminal.ask(question)
  return /^y(es)?$/i.test(answer.trim())
}
