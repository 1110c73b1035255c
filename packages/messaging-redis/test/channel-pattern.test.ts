import { describe, expect, it } from '@jest/globals'
import { channelPattern } from '../src/pubsub/channel-pattern.ts'

describe('channelPattern', () => {
  it.each([
    ['order.*', 'order.*', ['order.created'], ['order', 'order.created.eu']],
    ['order.#', 'order*', ['order', 'order.created', 'order.a.b'], ['orders']],
    ['#.order', '*order', ['order', 'eu.order', 'eu.west.order'], ['reorder']],
    ['a.#.b', 'a*b', ['a.b', 'a.x.b', 'a.x.y.b'], ['ab', 'a.xb']],
    ['#', '*', ['a', 'a.b'], []],
    ['x[1]?.*', 'x\\[1\\]\\?.*', ['x[1]?.y'], ['x1a.y']],
  ])('%s is subscribed to as %s, and told exactly here', (pattern, glob, matching, others) => {
    const made = channelPattern(pattern)
    expect(made.glob).toBe(glob)
    for (const topic of matching) expect([topic, made.matches(topic)]).toEqual([topic, true])
    for (const topic of others) expect([topic, made.matches(topic)]).toEqual([topic, false])
  })
})
