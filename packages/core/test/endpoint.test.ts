import { describe, expect, it } from '@jest/globals'
import { describeEndpoint, hostName, parseEndpoint, partsOfUrl, serverUrl } from '../src/index.ts'

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

describe('a host name', () => {
  it.each(['a', 'a.example', '10.0.0.1', '::1', 'fe80:0:0:0:0:0:0:1'])('%s', (text) => {
    expect(hostName.accepts(text)).toBe(true)
  })
  it.each(['', 'a:1', 'amqp://a', 'me:secret@a', 'a/b', 'a b', '[::1]', 1, undefined])('is not %p', (value) => {
    expect(hostName.accepts(value)).toBe(false)
  })
})

describe('the URL of a server', () => {
  const rule = serverUrl('a URL', 'amqp:', 'amqps:')

  it.each(['amqp://h', 'amqps://u:p@h:1/v', 'amqp://[::1]:5/%2F'])('may be %s', (url) => expect(rule.accepts(url)).toBe(true))
  it.each(['http://h', 'amqp:', 'amqp://', 'amqp://h/%zz', '', 7])('may not be %j', (url) =>
    expect(rule.accepts(url)).toBe(false),
  )

  it('is taken apart, and its parts are decoded', () => {
    expect(partsOfUrl('amqp://u%40x:p%2F@[::1]:5/a%2Fb')).toEqual({
      host: '::1',
      port: 5,
      username: 'u@x',
      password: 'p/',
      path: 'a/b',
    })
    expect(partsOfUrl('amqp://h/')).toEqual({ host: 'h' })
  })
})
