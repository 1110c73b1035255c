import { isSecretKey, redactCredentials } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

describe('isSecretKey', () => {
  it.each([
    'password',
    'DB_PASSWORD',
    'sasl.password',
    'passwordHash',
    'passphrase',
    'clientSecret',
    'secrets',
    'token',
    'access_token',
    'refreshToken',
    'tokens',
    'Authorization',
    'proxy-authorization',
    'Cookie',
    'set-cookie',
    'apiKey',
    'x-api-key',
    'API_KEY',
    'privateKey',
    'accessKey',
    'credentials',
    'sessionId',
    'jwt',
    'pwd',
    'cardNumber',
    'cvv',
    'auth',
    'basicAuth',
  ])('%s is one', (key) => {
    expect(isSecretKey(key)).toBe(true)
  })

  it.each([
    'user',
    'author',
    'tokenEndpoint',
    'accessTokenExpiresAt',
    'tokenBucket',
    'cookieCount',
    'key',
    'partitionKey',
    'routingKey',
    'session',
    'status',
    'path',
    'card',
    'authenticated',
    'oauth2',
  ])('%s is none', (key) => {
    expect(isSecretKey(key)).toBe(false)
  })
})

describe('redactCredentials', () => {
  it.each([
    ['amqp://user:secret@mq:5672/v', 'amqp://[redacted]@mq:5672/v'],
    ['redis://:secret@cache:6379', 'redis://[redacted]@cache:6379'],
    ['https://token@host/x', 'https://[redacted]@host/x'],
    ['a password with an @: https://u:p@ss@host/', 'a password with an @: https://[redacted]@host/'],
    ['a password with a /: amqp://u:p/w@host/', 'a password with a /: amqp://[redacted]@host/'],
    ['two: a://x:y@h1,b://x:y@h2', 'two: a://[redacted]@h1,b://[redacted]@h2'],
    ['GET /cb?code=1&access_token=abc#x', 'GET /cb?code=1&access_token=[redacted]#x'],
    ['/x?api-key=abc', '/x?api-key=[redacted]'],
    ['sent Authorization: Bearer eyJhbGciOi.J9-x=', 'sent Authorization: Bearer [redacted]'],
    ['basic dXNlcjpwYXNz refused', 'basic [redacted] refused'],
  ])('takes the secret out of %j', (text, clean) => {
    expect(redactCredentials(text)).toBe(clean)
  })

  it.each([
    'http://localhost:8080/@scope/package',
    'https://host/path?email=a@b.c&page=2',
    'a@b.c',
    'Basic authentication failed',
    'bearer token is missing',
    'x=1',
    '',
  ])('leaves %j as it is', (text) => {
    expect(redactCredentials(text)).toBe(text)
  })

  it('finds the password in any URL with credentials', () => {
    const password = fc.stringMatching(/^[A-Za-z0-9!$@:*+;,=._~-]{6,20}$/)
    fc.assert(
      fc.property(fc.constantFrom('amqp', 'https', 'redis+tls'), password, (scheme, secret) => {
        const clean = redactCredentials(`before ${scheme}://user:${secret}@host:1/path after`)
        expect(clean).toBe(`before ${scheme}://[redacted]@host:1/path after`)
      }),
    )
  })

  it('takes time linear in the length of a text made to be hard', () => {
    const hard = [
      `a://${'x:'.repeat(50_000)}`,
      '?a='.repeat(50_000),
      'a'.repeat(150_000),
      `${'Bearer '.repeat(20_000)}`,
      `${'a://b:'.repeat(25_000)} @`,
    ]
    const startedAt = performance.now()
    for (const text of hard) redactCredentials(text)
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
