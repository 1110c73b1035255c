/** A topic pattern (`*` one word, `#` any number of them) as Redis can subscribe to it, and what tells exactly. */
export interface ChannelPattern {
  /** A glob that matches at least what the pattern does: its `*` does not stop at dots. */
  readonly glob: string
  readonly matches: (topic: string) => boolean
}

export function channelPattern(pattern: string): ChannelPattern {
  const words = pattern.split('.')
  const glob = words
    .map((word) => (word === '*' || word === '#' ? word : word.replace(/[*?[\]\\^]/g, '\\$&')))
    .join('.')
    .replace(/(?:^|\.)#(?:\.|$)/g, '*')
    .replaceAll('#', '*')
  const accept = words.map((word) => (word === '*' || word === '#' ? word : { word }))
  return { glob, matches: (topic) => matchesWords(accept, topic.split('.'), 0, 0) }
}

type PatternWord = '*' | '#' | { readonly word: string }

function matchesWords(pattern: readonly PatternWord[], topic: readonly string[], at: number, word: number): boolean {
  const next = pattern[at]
  if (next === undefined) return word === topic.length
  if (next === '#') {
    for (let rest = word; rest <= topic.length; rest++) if (matchesWords(pattern, topic, at + 1, rest)) return true
    return false
  }
  if (word === topic.length || (next !== '*' && next.word !== topic[word])) return false
  return matchesWords(pattern, topic, at + 1, word + 1)
}
