import { serversOf } from '@comm/messaging/adapter'
import { describe, expect, it } from '@jest/globals'

describe('serversOf', () => {
  it.each([
    [{}, [{ host: 'localhost', port: 9 }]],
    [{ host: 'one', port: 8 }, [{ host: 'one', port: 8 }]],
    [
      { host: 'no', port: 8, hosts: ['one', 'two:7', '[::1]:6'] },
      [
        { host: 'one', port: 8 },
        { host: 'two', port: 7 },
        { host: '::1', port: 6 },
      ],
    ],
  ])('%j', (options, expected) => {
    expect(serversOf('broker', options, 9)).toEqual(expected)
  })

  it('says what is wrong with the TLS options', () => {
    expect(() => serversOf('broker', { ssl: { caFile: '' } }, 9)).toThrow('broker.ssl.caFile must be a non-empty string')
  })
})
