import { describe, expect, it } from '@jest/globals'
import { makerOf } from '../src/codecs.ts'

const codec = { compress: async () => Buffer.from('c'), decompress: async () => Buffer.from('d') }

describe('what a codec package exports', () => {
  it('is what makes the codec, as kafkajs-snappy has it', () => {
    expect(makerOf((() => codec) as never)()).toBe(codec)
    expect(
      makerOf(function make() {
        return codec
      } as never)(),
    ).toBe(codec)
  })

  it('is a class whose objects have that, as kafkajs-lz4 has it', () => {
    class LZ4Codec {
      readonly codec = () => codec
    }
    expect(makerOf(LZ4Codec as never)()).toBe(codec)
  })
})
