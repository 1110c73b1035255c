import { matchesTopic } from '@comm/messaging/adapter'
import { describe, expect, it } from '@jest/globals'
import { channelGlob } from '../src/pubsub/channel-glob.ts'

describe('channelGlob', () => {
  it.each([
    ['order.*', 'order.*', ['order.created'], ['order', 'order.created.eu']],
    ['order.#', 'order*', ['order', 'order.created', 'order.a.b'], ['orders']],
    ['#.order', '*order', ['order', 'eu.order', 'eu.west.order'], ['reorder']],
    ['a.#.b', 'a*b', ['a.b', 'a.x.b', 'a.x.y.b'], ['ab', 'a.xb']],
    ['#', '*', ['a', 'a.b'], []],
    ['x[1]?.*', 'x\\[1\\]\\?.*', ['x[1]?.y'], ['x1a.y']],
  ])('%s is subscribed to as %s, and told exactly here', (pattern, glob, matching, others) => {
    expect(channelGlob(pattern)).toBe(glob)
    for (const topic of matching) expect([topic, matchesTopic(pattern, topic)]).toEqual([topic, true])
    for (const topic of others) expect([topic, matchesTopic(pattern, topic)]).toEqual([topic, false])
  })
})
