import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type Due, DueHeap } from '../src/due-heap.ts'

describe('DueHeap', () => {
  it('gives the earliest first, equal ones by their order, whatever is taken out meanwhile', () => {
    const step = fc.oneof(
      fc.record({ add: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ remove: fc.nat() }),
      fc.constant({ take: true } as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DueHeap<Due>()
        let model: Due[] = []
        for (const [order, each] of steps.entries()) {
          const item = 'add' in each ? { dueAt: each.add, order, heapAt: -1 } : undefined
          if (item !== undefined) {
            heap.push(item)
            model.push(item)
            model.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
          }
          const gone = 'remove' in each ? model[each.remove % model.length] : 'take' in each ? heap.first : undefined
          if (gone !== undefined) {
            heap.remove(gone)
            model = model.filter((other) => other !== gone)
          }
          expect(heap.first).toBe(model[0])
        }
      }),
    )
  })
})
