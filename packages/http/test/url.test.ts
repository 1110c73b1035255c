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
