import { describe, expect, it } from '@jest/globals'
import { resolveProxies } from '../../src/proxy/options.ts'
import { Proxies } from '../../src/proxy/proxies.ts'

describe('noProxy', () => {
  it.each<[string, string, boolean]>([
    ['', 'http://example.com', true],
    ['*', 'http://example.com', false],
    ['example.com', 'http://example.com', false],
    ['example.com', 'http://EXAMPLE.com.', false],
    ['example.com', 'http://api.example.com', false],
    ['example.com', 'http://badexample.com', true],
    ['.example.com', 'http://example.com', false],
    ['*.example.com', 'http://example.com', true],
    ['*.example.com', 'http://api.example.com', false],
    ['a.test, example.com:8080', 'http://example.com:8080', false],
    ['a.test example.com:8080', 'http://example.com', true],
    ['example.com:443', 'https://example.com', false],
    ['10.0.0.0/8', 'http://10.2.3.4', false],
    ['10.0.0.0/8', 'http://11.2.3.4', true],
    ['127.0.0.1', 'http://127.0.0.1:99', false],
    ['0.0.1', 'http://127.0.0.1', true],
    ['::1', 'http://[::1]:8080', false],
    ['[::1]:8080', 'http://[::1]:8080', false],
    ['[::1]:8080', 'http://[::1]', true],
    ['fd00::/8', 'http://[fd12::1]', false],
  ])('%j: %s through the proxy: %p', (noProxy, url, through) => {
    const proxies = new Proxies('t', { http: 'http://p:1', https: 'http://p:1', noProxy })
    expect(proxies.for(new URL(url)) !== undefined).toBe(through)
  })
})

describe('the proxies', () => {
  it('come from the environment, lower case first', () => {
    const env = { HTTP_PROXY: 'http://a:1', http_proxy: 'http://b:2', HTTPS_PROXY: 'http://c:3', NO_PROXY: 'x' }
    expect(resolveProxies('t', 'environment', env)).toEqual({ http: 'http://b:2/', https: 'http://c:3/', noProxy: 'x' })
    expect(resolveProxies('t', 'environment', {})).toEqual({ http: undefined, https: undefined, noProxy: '' })
  })

  it.each<[unknown, string]>([
    ['socks://u:s3cret@p:1', 't.proxy.http must be the http: or https: URL of a proxy, got [redacted]'],
    ['no url', 't.proxy.http must be the http: or https: URL of a proxy, got [redacted]'],
    [{ https: 'http://u:s3cret@p/path' }, 't.proxy.https must be the http: or https: URL of a proxy, got [redacted]'],
    [{ all: 'http://p' }, 't.proxy.all is an unknown option, known are http, https, noProxy'],
    [{ noProxy: '10.0.0.0/99' }, 't.proxy.noProxy must be made of hosts, addresses and ranges, got 10.0.0.0/99'],
  ])('%j: %s', (proxy, message) => {
    const make = (): unknown => new Proxies('t', proxy as string)
    expect(make).toThrow(message)
    expect(make).not.toThrow(/s3cret/)
  })
})
