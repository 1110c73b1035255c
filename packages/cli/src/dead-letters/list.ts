import { printable } from '../format/printable.ts'
import { table } from '../format/table.ts'
import type { Invocation } from '../invocation.ts'
import { listOptions, type Selection } from './selection.ts'
import { letterJson, letterRows } from './show-letter.ts'
import { sayWhatIsLeft, withLetters } from './with-letters.ts'

export function listLetters(invocation: Invocation, topic: string): Promise<number> {
  const { terminal } = invocation
  const { json, ...selection } = invocation.options<Selection & { readonly json?: true }>()
  return withLetters(invocation, topic, async (letters) => {
    const found = await letters.list(listOptions(selection, Date.now()))
    if (json) for (const letter of found) await terminal.print(printable(JSON.stringify(letterJson(letter))))
    else if (found.length > 0) for (const line of table(letterRows(found))) await terminal.print(line)
    if (found.length === 0) terminal.say(`no dead letters of ${topic} for group ${letters.group}`)
    sayWhatIsLeft(invocation, await letters.count(), selection.limit)
    return 0
  })
}
