import { Once } from '@comm/messaging/adapter'
import { describe, expect, it } from '@jest/globals'

describe('Once', () => {
  it('makes a thing once for all who ask, again after a failure and when it was forgotten', async () => {
    const once = new Once()
    let tries = 0
    const make = async (): Promise<number> => {
      tries++
      if (tries === 1) throw new Error('not yet')
      return tries
    }
    const [first, second] = await Promise.allSettled([once.make('it', make), once.make('it', make)])
    expect([first.status, second.status, tries]).toEqual(['rejected', 'rejected', 1])
    expect(await Promise.all([once.make('it', make), once.make('it', make)])).toEqual([2, 2])
    expect(await once.make('other', make)).toBe(3)
    once.forget('it')
    expect(await once.make('it', make)).toBe(4)
  })
})
