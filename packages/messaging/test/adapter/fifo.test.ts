import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Fifo } from '../../src/adapter/fifo.ts'

describe('Fifo', () => {
  it('does what an array does', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('push', 'shift', 'unshift'), { maxLength: 300 }), (steps) => {
        const fifo = new Fifo<number>()
        const model: number[] = []
        for (const [number, step] of steps.entries()) {
          if (step === 'shift') expect(fifo.shift()).toBe(model.shift())
          else {
            fifo[step](number)
            model[step](number)
          }
        }
        expect(fifo.drain()).toEqual(model)
        expect(fifo.shift()).toBeUndefined()
      }),
      { seed: 20261126 },
    )
  })

  it('keeps no place for what has passed through, though it is never empty', () => {
    const fifo = new Fifo<number>()
    fifo.push(0)
    const before = process.memoryUsage().heapUsed
    const many = 20_000_000
    for (let next = 1; next <= many; next++) {
      fifo.push(next)
      if (fifo.shift() !== next - 1) throw new Error('out of order')
    }
    // A place of eight bytes for each would be 160 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(80_000_000)
    expect(fifo.drain()).toEqual([many])
  })
})
