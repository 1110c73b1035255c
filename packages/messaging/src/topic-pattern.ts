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
