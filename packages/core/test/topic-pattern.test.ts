import { matchesPattern, patternsOverlap, topicWords } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

const matches = (pattern: string, topic: string): boolean => matchesPattern(topicWords(pattern), topicWords(topic))

/** The definition, word by word; exponential, so only for short ones. */
function byDefinition([first, ...others]: readonly string[], topic: readonly string[]): boolean {
  if (first === undefined) return topic.length === 0
  if (first === '#') return topic.some((_, index) => byDefinition(others, topic.slice(index))) || byDefinition(others, [])
  return topic.length > 0 && (first === '*' || first === topic[0]) && byDefinition(others, topic.slice(1))
}

describe('matchesPattern', () => {
  it.each([
    ['order.created', 'order.created', true],
    ['order.created', 'order.created.eu', false],
    ['*', 'order', true],
    ['*', 'order.created', false],
    ['#', 'order.created.eu', true],
    ['order.#.eu', 'order.eu', true],
    ['order.#.eu', 'order.created.eu', true],
    ['#.*', 'order', true],
    ['*.#.*', 'order', false],
    ['#.#', 'order', true],
  ])('%s and %s: %p', (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected)
  })

  it('agrees with the definition', () => {
    const words = (alphabet: readonly string[], minLength: number) =>
      fc.array(fc.constantFrom(...alphabet), { minLength, maxLength: 6 })
    fc.assert(
      fc.property(words(['a', 'b', '*', '#'], 1), words(['a', 'b'], 1), (pattern, topic) => {
        expect(matchesPattern(pattern, topic)).toBe(byDefinition(pattern, topic))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('patternsOverlap', () => {
  it('is whether some topic matches both', () => {
    const topics = ['a', 'b'].map((word) => [word])
    for (const topic of topics) if (topic.length < 8) topics.push([...topic, 'a'], [...topic, 'b'])
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '#'), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        const expected = topics.some((topic) => matchesPattern(one, topic) && matchesPattern(other, topic))
        expect(patternsOverlap(one, other)).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })
})
