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

  it('makes what is gone again once for all who ask until it is there, and again for who asks later', async () => {
    const once = new Once()
    let made = 0
    const make = async (): Promise<number> => ++made
    await once.make('it', make)
    expect(await Promise.all([once.remake('it', make), once.remake('it', make), once.make('it', make)])).toEqual([2, 2, 2])
    expect(await once.remake('it', make)).toBe(3)
    const fail = (): Promise<never> => Promise.reject(new Error('no'))
    await expect(Promise.all([once.remake('it', fail), once.remake('it', make)])).rejects.toThrow('no')
    expect([await once.remake('it', make), await once.make('it', make)]).toEqual([4, 4])
  })

  it('knows what is there, but not what is being made, failed, or was forgotten while it was made', async () => {
    const once = new Once()
    const making = once.make('it', async () => 1)
    expect(once.made('it')).toBeUndefined()
    await making
    expect(once.made('it')).toBe(1)
    once.forget('it')
    expect(once.made('it')).toBeUndefined()
    const forgotten = once.make('it', async () => 2)
    once.forget('it')
    await forgotten
    expect(once.made('it')).toBeUndefined()
    await expect(once.make('it', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(once.made('it')).toBeUndefined()
  })

  it('keeps what was made anew, however what was under way before ends', async () => {
    const once = new Once()
    const late = Promise.withResolvers<number>()
    const early = once.make('it', () => late.promise)
    await once.remake('it', async () => 2)
    late.reject(new Error('no'))
    await expect(early).rejects.toThrow('no')
    expect([once.made('it'), await once.make('it', async () => 3)]).toEqual([2, 2])
    const later = Promise.withResolvers<number>()
    const slow = once.make('other', () => later.promise)
    await once.remake('other', async () => 2)
    later.resolve(1)
    await slow
    expect(once.made('other')).toBe(2)
  })
})
