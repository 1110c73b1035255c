import { printable } from '../format/printable.ts'
import type { Invocation } from '../invocation.ts'
import { letterJson, letterLines } from './show-letter.ts'
import { withLetters } from './with-letters.ts'

/** Characters of a body that are shown without `--full`. */
const LONGEST_BODY = 2000

interface ShowOptions {
  readonly json?: true
  readonly full?: true
  readonly limit: number
}

export function showLetter(invocation: Invocation, topic: string, id: string): Promise<number> {
  const { terminal } = invocation
  const { json, full, limit } = invocation.options<ShowOptions>()
  return withLetters(invocation, topic, async (letters) => {
    const letter = await letters.find(id, limit)
    if (letter === undefined) {
      const count = await letters.count()
      const looked =
        count > limit ? `the oldest ${limit} of ${count}; --limit ${count} looks at all of them` : `the ${count} there are`
      terminal.say(`comm: no dead letter ${JSON.stringify(id)} of ${topic} for group ${letters.group} among ${looked}`)
      return 1
    }
    if (json) await terminal.print(printable(JSON.stringify(letterJson(letter))))
    else for (const line of letterLines(letter, full ? Number.POSITIVE_INFINITY : LONGEST_BODY)) await terminal.print(line)
    return 0
  })
}
