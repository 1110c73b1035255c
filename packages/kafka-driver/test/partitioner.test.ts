import { describe, expect, it } from '@jest/globals'
import { murmur2, partitionOfKey } from '../src/partitioner.ts'

describe('murmur2', () => {
  // From Kafka's own `UtilsTest.testMurmur2`.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('%s', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('puts every key into a partition that there is', () => {
    for (let key = 0; key < 1000; key++) {
      const partition = partitionOfKey(Buffer.from(`key-${key}`), 7)
      expect(Number.isInteger(partition) && partition >= 0 && partition < 7).toBe(true)
    }
  })
})
