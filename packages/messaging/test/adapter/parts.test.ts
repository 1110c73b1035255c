import { getEventListeners } from 'node:events'
import { CommunicationError, PublishError } from '@comm/core'
import { nonEmptyText } from '@comm/core/options'
import { describe, expect, it } from '@jest/globals'
import {
  adapterErrors,
  checkSubscribe,
  laneOf,
  maybeStored,
  PublishAnswers,
  STORED,
  splitClientOptions,
} from '../../src/adapter/index.ts'
import type { BrokerFeatures } from '../../src/index.ts'

const features: BrokerFeatures = {
  ordering: 'none',
  durable: false,
  groups: false,
  patterns: false,
  delay: false,
  priority: false,
  countsRedeliveries: false,
  headers: false,
  replay: false,
  detectsUnroutable: false,
}
const aborted = (signal: AbortSignal) => maybeStored(adapterErrors('Toy').aborted('publishing to', signal))

describe('PublishAnswers', () => {
  it('resolves with the first answer of each, in order', async () => {
    const answers = new PublishAnswers(2, new AbortController().signal, aborted)
    const failure = maybeStored(new PublishError('no'))
    answers.answer(1, failure)
    answers.answer(1, STORED)
    answers.answer(0, STORED)
    expect(await answers.done).toEqual([STORED, failure])
  })

  it('answers unknown for the rest when the caller aborts', async () => {
    const abort = new AbortController()
    const answers = new PublishAnswers(2, abort.signal, aborted)
    answers.answer(0, STORED)
    abort.abort(new Error('enough'))
    expect(await answers.done).toMatchObject([STORED, { ok: false, stored: 'unknown', error: { code: 'COMM_ABORTED' } }])
  })

  it('listens once to a signal, for all that wait at the same time and not for who has been answered', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const over = new PublishAnswers(1, signal, aborted)
    over.answer(0, STORED)
    const waiting = [new PublishAnswers(1, signal, aborted), new PublishAnswers(2, signal, aborted)]
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    waiting[1]?.answer(1, STORED)
    controller.abort()
    const unknown = { ok: false, stored: 'unknown' }
    expect(await over.done).toEqual([STORED])
    expect(await Promise.all(waiting.map(({ done }) => done))).toMatchObject([[unknown], [unknown, STORED]])
  })

  it('has nothing to wait for without records', async () => {
    expect(await new PublishAnswers(0, new AbortController().signal, aborted).done).toEqual([])
  })
})

describe('checkSubscribe', () => {
  const request = { topics: ['a'], maxUnsettled: 1, lanes: 'none' } as const
  const check = (more: object, onDelivery: unknown = () => undefined) => {
    return () => checkSubscribe({ ...request, ...more }, onDelivery, 'Toy', features)
  }

  it.each([
    [{ topics: [] }, 'subscribe.topics must be a non-empty array of topics, got an array of 0'],
    [{ maxUnsettled: 0 }, 'subscribe.maxUnsettled must be an integer >= 1 or Infinity, got 0'],
    [{ pattern: true }, 'cannot subscribe to a of Toy: it has no patterns. Name the topics'],
    [{ group: 'g' }, 'cannot subscribe to a of Toy: it has no groups'],
    [{ from: 'earliest' }, 'cannot subscribe to a of Toy: it keeps nothing of the past for groups to come'],
  ])('refuses %j', (more, message) => {
    expect(check(more)).toThrow(message)
  })

  it('lets through what the broker can serve, and wants somebody to deliver to', () => {
    expect(check({})).not.toThrow()
    expect(check({}, 7)).toThrow('onDelivery must be a function, got 7')
  })
})

describe('the words of errors', () => {
  it('name the broker, the cause and what to do', () => {
    const { notConnected, tooLarge, closed } = adapterErrors('Toy')
    const reason = new CommunicationError('the cable is out')
    expect(notConnected('publish', reason)).toMatchObject({
      code: 'COMM_CONNECTION',
      message: 'cannot publish: there is no connection to Toy. the cable is out',
      cause: reason,
    })
    expect(tooLarge({ topic: 't', body: new Uint8Array(3), headers: {} }, 2, 'maxBodyBytes').message).toBe(
      'a record for topic t has 3 bytes, Toy takes 2 (maxBodyBytes). Send less, or publish a reference to the data',
    )
    expect(closed().code).toBe('COMM_CLOSED')
  })
})

describe('splitClientOptions', () => {
  it('gives each its own, and both what both take', () => {
    const rules = { where: nonEmptyText, name: nonEmptyText }
    expect(splitClientOptions('toy', { where: 'here', name: 'n', group: 'g' }, rules)).toEqual({
      adapter: { where: 'here', name: 'n' },
      client: { name: 'n', group: 'g' },
    })
    expect(() => splitClientOptions('toy', { wher: 'here' } as never, rules)).toThrow('toy.wher is an unknown option')
  })
})

describe('laneOf', () => {
  it('is the source, a key in it, or none', () => {
    expect([
      laneOf('source', 's', 'k'),
      laneOf('key', 's', 'k'),
      laneOf('key', 's', undefined),
      laneOf('none', 's', 'k'),
    ]).toEqual(['s', 's/k', undefined, undefined])
  })
})
