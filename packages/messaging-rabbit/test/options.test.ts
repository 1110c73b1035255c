import { describe, expect, it } from '@jest/globals'
import { type RabbitMQAdapterOptions, resolveOptions } from '../src/options.ts'

describe('where the server is', () => {
  it.each<[string, RabbitMQAdapterOptions, readonly string[]]>([
    ['the usual place', {}, ['localhost:5672']],
    ['with TLS', { host: 'mq', ssl: {} }, ['mq:5671']],
    ['TLS turned off', { host: 'mq', ssl: { enabled: false } }, ['mq:5672']],
    ['several hosts', { host: 'no', port: 7, hosts: ['one', 'two:8', '[::1]:9'] }, ['one:7', 'two:8', '::1:9']],
    ['a URL', { url: 'amqp://mq', host: 'no', hosts: ['no'] }, ['mq:5672']],
    ['a URL with TLS', { url: 'amqps://mq' }, ['mq:5671']],
    ['a URL with a port', { url: 'amqps://[::1]:99' }, ['::1:99']],
  ])('%s', (_, options, expected) => {
    expect(resolveOptions(options).servers.map(({ host, port }) => `${host}:${port}`)).toEqual(expected)
  })

  it('takes login and virtual host out of a URL, decoded', () => {
    const { username, password, virtualHost, ssl } = resolveOptions({
      url: 'amqps://me:p%40ss@mq/a%2Fb',
      ssl: { serverName: 'x' },
    })
    expect({ username, password, virtualHost, ssl }).toEqual({
      username: 'me',
      password: 'p@ss',
      virtualHost: 'a/b',
      ssl: { serverName: 'x' },
    })
  })

  it('is not encrypted where the URL says so', () => {
    expect(resolveOptions({ url: 'amqp://mq', ssl: { serverName: 'x' } }).isTls).toBe(false)
  })
})
