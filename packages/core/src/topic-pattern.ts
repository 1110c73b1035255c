/**
 * Whether a topic matches a pattern: `*` stands for one dot-separated word, `#` for any number of them, none included
 * (the topic exchange of AMQP 0-9-1, section 3.1.3.3).
 */
export function matchesPattern(pattern: readonly string[], topic: readonly string[]): boolean {
  let at = 0
  let word = 0
  let afterHash = -1
  let hashEnd = 0
  while (word < topic.length) {
    if (pattern[at] === '#') {
      // Assume that it stands for nothing, and come back with one word more whenever that does not work out.
      afterHash = ++at
      hashEnd = word
    } else if (at < pattern.length && (pattern[at] === '*' || pattern[at] === topic[word])) {
      at++
      word++
    } else if (afterHash >= 0) {
      at = afterHash
      word = ++hashEnd
    } else {
      return false
    }
  }
  while (pattern[at] === '#') at++
  return at === pattern.length
}

export function topicWords(topic: string): readonly string[] {
  return topic.split('.')
}

/** The same for whole names. */
export function matchesTopic(pattern: string, topic: string): boolean {
  return matchesPattern(topicWords(pattern), topicWords(topic))
}

/** Whether some topic matches both patterns, either of which may be a name. */
export function patternsOverlap(one: readonly string[], other: readonly string[]): boolean {
  // For each rest of `other`, whether it and the rest of `one` that was looked at last have a topic in common.
  let behind: boolean[] = []
  for (let at = one.length; at >= 0; at--) {
    const here: boolean[] = []
    for (let place = other.length; place >= 0; place--) {
      const [word, opposite] = [one[at], other[place]]
      if (word === undefined && opposite === undefined) here[place] = true
      else if (word === '#' || opposite === '#') here[place] = (behind[place] ?? false) || (here[place + 1] ?? false)
      else
        here[place] =
          word !== undefined && (word === '*' || opposite === '*' || word === opposite) && (behind[place + 1] ?? false)
    }
    behind = here
  }
  return behind[0] ?? false
}
