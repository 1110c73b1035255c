import { describe, expect, it } from '@jest/globals'
import { describeEndpoint, parseEndpoint } from '../src/index.ts'

describe('parseEndpoint', () => {
  it.each([
    ['a', { host: 'a', port: 1 }],
    ['a.example:80', { host: 'a.example', port: 80 }],
    ['[::1]', { host: '::1', port: 1 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['::1', undefined],
    ['a:0', undefined],
    ['a:65536', undefined],
    ['a b', undefined],
    ['user@a', undefined],
    ['', undefined],
  ])('reads %j', (text, endpoint) => {
    expect(parseEndpoint(text, 1)).toEqual(endpoint)
    if (endpoint !== undefined) expect(parseEndpoint(describeEndpoint(endpoint), 2)).toEqual(endpoint)
  })
})
