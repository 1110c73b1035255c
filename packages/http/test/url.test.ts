import { urlToHttpOptions } from 'node:url'
import { inspect } from 'node:util'
import { ConfigurationError } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { displayUrl, parseBaseUrl, resolveUrl } from '../src/url.ts'

describe('resolveUrl', () => {
  it('never leaves the origin and the path of the base URL, whatever the path', () => {
    const base = parseBaseUrl('baseUrl', 'https://api.test/v1')
    const awkward = fc.array(
      fc.constantFrom('/', '..', '.', '\\', '@', ':', '//', 'evil.test', '%2e%2e', '?', '#', 'http:', 'a', ' '),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          awkward.map((parts) => parts.join('')),
          fc.string({ unit: 'grapheme' }),
          fc.webPath(),
        ),
        (path) => {
          let url: URL
          try {
            url = resolveUrl(base, path, undefined)
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigurationError)
            return
          }
          expect(url.origin).toBe('https://api.test')
          expect(`${url.pathname}/`.startsWith('/v1/')).toBe(true)
          expect([url.username, url.password, url.hash]).toEqual(['', '', ''])
        },
      ),
      { numRuns: 1000 },
    )
  })
})

const PARTS = [
  'href',
  'origin',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
] as const

describe('the URL of a path that needs no parsing', () => {
  const base = parseBaseUrl('baseUrl', 'https://api.test:8443/v1/')
  const plain = fc.constantFrom(...'/aZ09-._~!$&\'()*+,;=:@?%|^{"<`\\#\t [', '..', '%2e', 'é')
  const path = fc.array(plain, { maxLength: 12 }).map((parts) => `/${parts.join('')}`)

  it('has the parts that parsing it gives, whoever asks', () => {
    fc.assert(
      fc.property(path, (text) => {
        let url: URL
        try {
          url = resolveUrl(base, text, undefined)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigurationError)
          return
        }
        const parsed = new URL(`https://api.test:8443/v1${text}`)
        parsed.hash = ''
        expect(PARTS.map((part) => url[part])).toEqual(PARTS.map((part) => parsed[part]))
        expect([String(url), JSON.stringify(url), new URL(url).href]).toEqual([parsed.href, JSON.stringify(parsed), parsed.href])
      }),
      { numRuns: 1000 },
    )
  })

  it('is a URL to all who look', () => {
    const url = resolveUrl(base, '/users?page=2', undefined)
    expect(url).toBeInstanceOf(URL)
    expect(Object.prototype.toString.call(url)).toBe('[object URL]')
    expect(inspect(url)).toBe(inspect(new URL('https://api.test:8443/v1/users?page=2')))
    expect(url.searchParams.get('page')).toBe('2')
    expect(urlToHttpOptions(url)).toEqual(urlToHttpOptions(new URL(url)))
  })

  it.each(PARTS.filter((part) => part !== 'origin'))('may be changed: %s', (part) => {
    const url = resolveUrl(base, '/users?page=2', undefined)
    const parsed = new URL(url)
    const value = { href: 'http://other.test/x', protocol: 'http:', port: '1', host: 'other.test:2' }[part as string] ?? 'other'
    url[part as 'hash'] = parsed[part as 'hash'] = value
    url.searchParams.append('a', 'b')
    parsed.searchParams.append('a', 'b')
    expect(PARTS.map((each) => url[each])).toEqual(PARTS.map((each) => parsed[each]))
    expect(String(url)).toContain('a=b')
  })
})

describe('displayUrl', () => {
  it('shows neither credentials nor the values of telling keys', () => {
    const url = new URL('https://user:pa55@api.test/x?page=2&access_token=pa55&API-KEY=pa55&sig=pa55&password=pa55#pa55')
    expect(displayUrl(url)).toBe(
      'https://api.test/x?page=2&access_token=[redacted]&API-KEY=[redacted]&sig=[redacted]&password=[redacted]',
    )
  })

  it('is not fooled by an encoded key', () => {
    expect(displayUrl(new URL('https://api.test/?%74oken=pa55&tok%65n=pa55&%zz=1'))).toBe(
      'https://api.test/?%74oken=[redacted]&tok%65n=[redacted]&%zz=1',
    )
  })
})
