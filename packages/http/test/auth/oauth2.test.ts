import { AuthenticationError, cachedTokenSource } from '@comm/core'
import { clientCredentials, EnhancedHttpClient, HttpClient, type OAuth2Options } from '@comm/http'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { type Echoed, echo, failureOf, localServer } from '../support/local-server.ts'
import { guardedServer, tokenServer } from './support.ts'

const client = { clientId: 'shop:1', clientSecret: 'p/w+d é' }

describe('OAuth 2.0 client credentials', () => {
  it('asks for a token once for all calls, as RFC 6749 4.4.2 says', async () => {
    await using tokens = await tokenServer()
    await using server = await localServer(echo)
    const oauth2 = { ...client, tokenUrl: `${tokens.url}/token`, scope: 'orders:read orders:write', audience: 'orders' }
    await using http = new EnhancedHttpClient({ baseUrl: server.url, auth: { oauth2 }, cache: false })
    const answers = await Promise.all(['/a', '/b', '/c'].map((path) => http.get(path)))
    for (const answer of answers) expect(answer.json<Echoed>().headers['authorization']).toBe('Bearer token-1')
    expect(tokens.asked).toHaveLength(1)
    const [{ authorization, form }] = tokens.asked as [(typeof tokens.asked)[0]]
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'client_credentials',
      scope: 'orders:read orders:write',
      audience: 'orders',
    })
    expect(Buffer.from(authorization?.replace('Basic ', '') ?? '', 'base64').toString()).toBe('shop%3A1:p%2Fw%2Bd+%C3%A9')
  })

  it('can put id and secret into the body', async () => {
    await using tokens = await tokenServer()
    await using http = new HttpClient()
    const source = clientCredentials(http, { ...client, tokenUrl: tokens.url, clientAuthentication: 'post' })
    expect(await source.token()).toMatchObject({ value: 'token-1', type: 'Bearer' })
    expect(tokens.asked[0]?.authorization).toBeUndefined()
    expect(Object.fromEntries(tokens.asked[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'shop:1',
      client_secret: 'p/w+d é',
    })
  })

  it('uses one token for all requests that are given the same options', async () => {
    await using tokens = await tokenServer()
    await using server = await localServer(echo)
    const auth = { oauth2: { ...client, tokenUrl: tokens.url } }
    await using http = new HttpClient()
    for (const path of ['/a', '/b']) await http.get(`${server.url}${path}`, { auth })
    expect(tokens.asked).toHaveLength(1)
  })

  it('fetches another one when it is refused, and replays the call', async () => {
    await using tokens = await tokenServer()
    await using server = await guardedServer(() => 'Bearer token-2')
    await using http = new EnhancedHttpClient({ baseUrl: server.url, auth: { oauth2: { ...client, tokenUrl: tokens.url } } })
    const calls = await Promise.all([1, 2, 3].map((id) => http.put('/x', { json: id })))
    expect(calls.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(tokens.asked).toHaveLength(2)
  })

  it('refreshes early, lives through an outage of the token endpoint, and retries what is temporary', async () => {
    await using tokens = await tokenServer(100)
    await using http = new HttpClient()
    const clock = new TestClock()
    const source = clientCredentials(http, { ...client, tokenUrl: tokens.url }, { clock, refreshBeforeMs: 40_000 })
    const first = await source.token()
    expect(first.expiresAt).toBe(clock.wall() + 100_000)
    tokens.answer = (_request, response) => response.writeHead(503).end()
    await clock.advance(60_000)
    expect(await source.token()).toBe(first)
    await until(() => tokens.asked.length === 2)
    await clock.advance(40_000)
    const failed = await failureOf(Promise.resolve(source.token()))
    expect(failed).toMatchObject({ code: 'COMM_AUTHENTICATION', retryable: true })
    let count = 0
    tokens.answer = (_request, response) => {
      if (++count < 3) return response.writeHead(503).end()
      tokens.answer = undefined
      return response.end('{"access_token":"back","token_type":"BEARER"}')
    }
    await using server = await localServer(echo)
    await using client3 = new HttpClient({ baseUrl: server.url, auth: { oauth2: { ...client, tokenUrl: tokens.url } } })
    expect((await client3.get('/')).json<Echoed>().headers['authorization']).toBe('Bearer back')
    expect(count).toBe(3)
  })

  it.each<[string, number, string, string]>([
    [
      'an error code',
      401,
      '{"error":"invalid_client","error_description":"unknown\\r\\nclient"}',
      'was answered 401: invalid_client (unknown??client); check clientId, clientSecret and clientAuthentication',
    ],
    [
      'an error that repeats the secret',
      400,
      '{"error":"invalid_scope","error_description":"p/w+d é is wrong"}',
      'was answered 400: invalid_scope ([redacted]); check scope',
    ],
    ['a page of HTML', 502, '<h1>p/w+d é</h1>', 'was answered 502: without an error code'],
    ['no token', 200, '{"token":"p/w+d é"}', 'was answered 200 without an access_token'],
    ['no type', 200, '{"access_token":"p/w+d"}', 'was answered 200 without a token_type'],
    ['what is not JSON', 200, 'p/w+d é', 'was answered 200 without an access_token'],
    ['a redirect', 302, '', 'was answered 302 without an access_token'],
    [
      'a token that no header can hold',
      200,
      '{"access_token":"p/w+d\\r\\nx: y","token_type":"bearer"}',
      'its value must be text of visible ASCII',
    ],
  ])('says what is wrong with %s, and shows no secret', async (_what, status, body, message) => {
    await using tokens = await tokenServer()
    tokens.answer = (_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    await using http = new HttpClient()
    const source = clientCredentials(http, { ...client, tokenUrl: tokens.url })
    const error = (await failureOf(Promise.resolve(source.token()))) as AuthenticationError
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error.message).toContain("the OAuth 2.0 client 'shop:1' has no access token: ")
    expect(error.message).toContain(message)
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      expect(`${at.message} ${at.stack} ${JSON.stringify(at)}`).not.toMatch(/p\/w|p%2Fw/)
    }
  })

  it('gives up a token endpoint that says nothing', async () => {
    await using tokens = await tokenServer()
    tokens.answer = () => undefined
    await using http = new HttpClient()
    const source = clientCredentials(http, { ...client, tokenUrl: tokens.url }, { timeoutMs: 50 })
    expect(await failureOf(Promise.resolve(source.token()))).toMatchObject({ code: 'COMM_AUTHENTICATION', retryable: true })
  })

  it('refuses a token that no header can hold, wherever it comes from', async () => {
    await using server = await localServer(echo)
    const tokens = cachedTokenSource(() => ({ value: 'from the vault', type: 'Bearer' }) as const)
    await using http = new HttpClient({ baseUrl: server.url, auth: { tokens } })
    expect(await failureOf(http.get('/'))).toMatchObject({ code: 'COMM_AUTHENTICATION' })
  })
})

describe('auth options', () => {
  const baseUrl = 'http://127.0.0.1:1'
  const oauth2: OAuth2Options = { tokenUrl: 'https://auth.test/token', clientId: 'a', clientSecret: 'S3CRET' }
  it.each<[string, unknown, string]>([
    ['nothing', {}, 'HttpClient.auth must be given exactly one of bearer, basic, apiKey, oauth2 or tokens, got none'],
    ['two', { bearer: 'S3CRET', tokens: {} }, 'got bearer and tokens'],
    ['an unknown kind', { digest: 'S3CRET' }, "must be given one of bearer, basic, apiKey, oauth2 or tokens, got 'digest'"],
    ['text', 'S3CRET', 'HttpClient.auth must be an object with one of'],
    [
      'a bearer with a line break',
      { bearer: 'S3CRET\r\nx: y' },
      'HttpClient.auth.bearer must be text of visible ASCII characters, got [redacted]',
    ],
    [
      'a user name with a colon',
      { basic: { username: 'a:S3CRET', password: '' } },
      'HttpClient.auth.basic.username must be text without colons',
    ],
    ['no password', { basic: { username: 'a' } }, 'HttpClient.auth.basic.password must be'],
    ['basic that is text', { basic: 'S3CRET' }, 'HttpClient.auth.basic must be an object'],
    [
      'a key for two places',
      { apiKey: { header: 'a', query: 'b', value: 'S3CRET' } },
      'must be given one of header and query, got both',
    ],
    ['a key for none', { apiKey: { value: 'S3CRET' } }, 'must be given one of header and query, got none'],
    ['a key with NUL', { apiKey: { header: 'a', value: 'S3CRET\0' } }, 'HttpClient.auth.apiKey.value must be text of printable'],
    [
      'a header that is none',
      { apiKey: { header: 'a b', value: 'S3CRET' } },
      'HttpClient.auth.apiKey.header must be the name of a header',
    ],
    ['no secret', { oauth2: { ...oauth2, clientSecret: undefined } }, 'HttpClient.auth.oauth2.clientSecret must be'],
    [
      'a token URL with a password',
      { oauth2: { ...oauth2, tokenUrl: 'https://a:S3CRET@b' } },
      'HttpClient.auth.oauth2.tokenUrl must be an absolute',
    ],
    [
      'a token URL that is a path',
      { oauth2: { ...oauth2, tokenUrl: '/token' } },
      'HttpClient.auth.oauth2.tokenUrl must be an absolute',
    ],
    ['a scope with quotes', { oauth2: { ...oauth2, scope: '"a"' } }, 'HttpClient.auth.oauth2.scope must be scopes'],
    ['an unknown way', { oauth2: { ...oauth2, clientAuthentication: 'jwt' } }, "must be one of 'basic', 'post', got 'jwt'"],
    ['no token source', { tokens: { get: 1 } }, 'HttpClient.auth.tokens must be a TokenSource (with token())'],
  ])('refuse %s at the door, and show no secret', (_what, auth, message) => {
    const make = (): HttpClient => new HttpClient({ baseUrl, auth: auth as never })
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'COMM_CONFIGURATION', message: expect.not.stringContaining('S3CRET') }))
  })

  it('refuse a client without a server of its own, two words for one header, and the wrong ones of a request', async () => {
    expect(() => new HttpClient({ auth: { bearer: 'a' } })).toThrow('HttpClient.auth must be given with baseUrl')
    expect(() => new HttpClient({ baseUrl, auth: { bearer: 'a' }, headers: { Authorization: 'b' } })).toThrow(
      'HttpClient.headers.authorization must be left out',
    )
    await using http = new HttpClient({ baseUrl })
    await expect(http.get('/', { auth: { bearer: 'S3CRET ' } })).rejects.toThrow('request.auth.bearer must be')
    await expect(http.get('/', { auth: true as never })).rejects.toThrow('request.auth must be false or an object')
    await using own = new HttpClient({ baseUrl, auth: () => 'S3CRET' as never })
    await expect(own.get('/')).rejects.toThrow('what auth() gives must be an object of headers, got something else (string)')
    for (const token of ['S3CRET', undefined, { value: 'S3CRET' }, { value: 'S3CRET\r\n', type: 'Bearer' }]) {
      await using other = new HttpClient({ baseUrl, auth: { tokens: { token: () => token as never } } })
      const error = await failureOf(other.get('/'))
      expect(error).toMatchObject({ code: 'COMM_AUTHENTICATION', message: expect.not.stringContaining('S3CRET') })
    }
    await using split = new HttpClient({ baseUrl, auth: () => ({ a: 'S3CRET\r\nb: c' }) })
    await expect(split.get('/')).rejects.toThrow('headers.a must be text without line breaks')
  })
})

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setImmediate(resolve))
}
