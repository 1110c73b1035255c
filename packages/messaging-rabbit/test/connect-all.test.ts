import { describe, expect, it } from '@jest/globals'
import { connectAll } from '../src/connect-all.ts'

function connection(connect: (signal: AbortSignal) => Promise<void>) {
  const made = { connect, closed: 0, close: async () => void made.closed++ }
  return made
}

describe('connectAll', () => {
  it('connects all', async () => {
    const all = [connection(async () => undefined), connection(async () => undefined)]
    await connectAll(all, new AbortController().signal)
    expect(all.map(({ closed }) => closed)).toEqual([0, 0])
  })

  it('closes all when one fails, and waits for the others to have ended', async () => {
    const ended = Promise.withResolvers<void>()
    const slow = connection(() => ended.promise)
    const all = [slow, connection(() => Promise.reject(new Error('refused')))]
    let isOver = false
    const connecting = connectAll(all, new AbortController().signal).finally(() => {
      isOver = true
    })
    await new Promise(setImmediate)
    expect([isOver, slow.closed]).toEqual([false, 1])
    ended.resolve()
    await expect(connecting).rejects.toThrow('refused')
    expect(all.map(({ closed }) => closed)).toEqual([1, 1])
  })
})
