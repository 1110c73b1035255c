import { countUnsettled, settleSome, unsettledOf } from '@comm/kafka-driver'
import { describe, expect, it } from '@jest/globals'

const source = { topic: 't', partition: 3 }

describe('what a group has not settled', () => {
  it('shrinks by what is settled somewhere in it, which the next look knows', () => {
    const first = unsettledOf(source, { offset: 10 }, 0, 20)
    expect(countUnsettled([first])).toBe(10)
    const { positions, count } = settleSome([first], () => [12, 13, 17, 5, 20])
    expect(count).toBe(3)
    expect(positions).toMatchObject([{ topic: 't', partition: 3, offset: 10 }])
    const next = unsettledOf(source, { ...source, ...positions[0], offset: 10 }, 0, 20)
    expect([countUnsettled([next]), [...next.done]]).toEqual([7, [12, 13, 17]])
    expect(settleSome([next], () => [12, 13]).positions).toEqual([])
    const rest = settleSome([next], () => [10, 11, 14])
    expect(rest).toMatchObject({ count: 3, positions: [{ offset: 15 }] })
    expect(countUnsettled([unsettledOf(source, { offset: 15, ...rest.positions[0] }, 0, 20)])).toBe(4)
  })

  it('does not shrink by what is settled beyond it', () => {
    const whole = unsettledOf(source, { offset: 10 }, 0, 20)
    const [position] = settleSome([whole], () => [15, 16, 17]).positions
    const part = unsettledOf(source, { offset: 10, ...position }, 0, 12)
    expect([countUnsettled([part]), [...part.done]]).toEqual([2, [15, 16, 17]])
  })

  it('begins with what is still there, whatever was noted of what is not', () => {
    const range = unsettledOf(source, { offset: 10, note: '2.2.' }, 15, 20)
    expect([range.from, range.done.size, countUnsettled([range])]).toEqual([15, 0, 5])
  })
})
