import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { ConfigurationError } from '@comm/core'
import { bearer, gate } from '@comm/security'
import { apiKeys } from '@comm/security/api-keys'
import { grpcAuth } from '@comm/security/grpc'
import { authHandler } from '@comm/security/http'
import { jwsVerifier, jwtVerifier, localKeys, remoteJwks } from '@comm/security/jwt'
import { signedMessages } from '@comm/security/messaging'
import { mtlsIdentities, parseSpiffeId } from '@comm/security/mtls'
import { clientCredentials, tokenExchange, tokenIntrospection } from '@comm/security/oauth2'
import { describe, expect, it } from '@jest/globals'

/** Wrong on purpose: what a caller without types may pass. */
// biome-ignore lint/suspicious/noExplicitAny: every shape is tried
type Wrong = any

const secret = 'x'.repeat(32)
const jwt = (options: object): Wrong => ({
  algorithms: ['HS256'],
  keys: [{ secret }],
  issuer: false,
  audience: false,
  ...options,
})
const oauth = (options: object): Wrong => ({
  issuer: 'https://identity.test',
  clientId: 'a',
  authentication: { method: 'client_secret_basic', secret: 's3cret' },
  ...options,
})
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
const signed = (options: object): Wrong => ({ algorithms: ['ES256'], signers: [], topics: [], ...options })

const CASES: readonly (readonly [name: string, make: () => unknown, message: string])[] = [
  [
    'jwtVerifier without algorithms',
    () => jwtVerifier(jwt({ algorithms: [] })),
    'jwtVerifier.algorithms must be an array of at least one of HS256, ',
  ],
  [
    'jwtVerifier with none',
    () => jwtVerifier(jwt({ algorithms: ['none'] })),
    'jwtVerifier.algorithms must be an array of at least one of HS256, ',
  ],
  [
    'jwtVerifier without keys',
    () => jwtVerifier(jwt({ keys: [] })),
    'jwtVerifier.keys must be an array of at least one key, or a KeySource such as remoteJwks(), got an array of 0',
  ],
  [
    'jwtVerifier without issuer',
    () => jwtVerifier(jwt({ issuer: undefined })),
    'jwtVerifier.issuer must be a non-empty string or an array, each item a non-empty string or one of false, got nothing',
  ],
  [
    'jwtVerifier without audience',
    () => jwtVerifier(jwt({ audience: '' })),
    "jwtVerifier.audience must be a non-empty string or an array, each item a non-empty string or one of false, got ''",
  ],
  ['jwtVerifier with a misspelt option', () => jwtVerifier(jwt({ clockSkew: 1 })), 'jwtVerifier.clockSkew is an unknown option'],
  ['a key that is none', () => localKeys([{}]), 'keys[0] must have one of jwk, pem, secret and key, got 0'],
  ['a key that is two', () => localKeys([{ secret, pem: 'x' }]), 'keys[0] must have one of jwk, pem, secret and key, got 2'],
  ['a key that cannot be read', () => localKeys([{ pem: 'not PEM' }]), 'keys[0] cannot be read as a key: '],
  [
    'a key on the wrong curve',
    () => localKeys([{ key: ec.publicKey }], ['ES384']),
    'keys[0] cannot be used: the key is of type prime256v1, and ES384 needs P-384',
  ],
  [
    'a key for another algorithm',
    () => localKeys([{ key: ec.publicKey, algorithm: 'ES256' }], ['ES384']),
    'keys[0] cannot be used: the key is for ES256 alone, and the allowed algorithms are ES384',
  ],
  [
    'an RSA key that is too short',
    () => localKeys([{ key: weakRsa.publicKey }], ['RS256']),
    'keys[0] cannot be used: the key has 1024 bits, and RS256 needs at least 2048',
  ],
  [
    'a secret for RS256',
    () => localKeys([{ key: createSecretKey(Buffer.from(secret)) }], ['RS256']),
    'keys[0] cannot be used: the key is of type secret, and RS256 needs RSA',
  ],
  [
    'remoteJwks in the clear',
    () => remoteJwks({ url: 'http://identity.test/jwks' }),
    "remoteJwks.url must be an https: URL without credentials, or http: on a loopback address, got 'http://identity.test/jwks'",
  ],
  [
    'remoteJwks with credentials',
    () => remoteJwks({ url: 'https://u:s3cret@identity.test/' }),
    "remoteJwks.url must be an https: URL without credentials, or http: on a loopback address, got 'https://[redacted]@identity.test/'",
  ],
  [
    'jwsVerifier without keys',
    () => jwsVerifier({ algorithms: ['ES256'] } as Wrong),
    'jwsVerifier.keys must be an array of at least one key',
  ],
  [
    'gate without policy',
    () => gate({ authenticators: [bearer(jwtVerifier(jwt({})))] } as Wrong),
    'gate.policy must be a function, got nothing',
  ],
  [
    'gate without authenticators',
    () => gate({ authenticators: [], policy: () => ({ allowed: true }) }),
    'gate.authenticators must be an array of at least one Authenticator (with authenticate()), got an array of 0',
  ],
  [
    'bearer of nothing',
    () => bearer({} as Wrong),
    'bearer verifier must be a TokenVerifier (with verify()), got an object with keys (none)',
  ],
  [
    'apiKeys without a store',
    () => apiKeys({} as Wrong),
    'apiKeys.store must be an ApiKeyStore (with find(), put(), remove()), got nothing',
  ],
  [
    'apiKeys with a prefix that is none',
    () => apiKeys({ store: { find() {}, put() {}, remove() {} }, prefix: 'a_b' } as Wrong),
    "apiKeys.prefix must be up to 16 letters and digits, a letter first, got 'a_b'",
  ],
  [
    'authHandler without a gate',
    () => authHandler({} as Wrong, () => undefined),
    'authHandler gate must be a Gate made by gate() (with admit()), got an object with keys (none)',
  ],
  [
    'grpcAuth with a misspelt option',
    () => grpcAuth({ admit() {} } as Wrong, { public: 1 } as Wrong),
    'grpcAuth.public is an unknown option, known are isPublic, policy, certificate, attributes',
  ],
  [
    'mtlsIdentities with two kinds',
    () => mtlsIdentities([{ dns: 'a', uri: 'b' }]),
    'mtlsIdentities[0] must be an identity with one of spiffeId, trustDomain, dns, uri, got dns and uri',
  ],
  [
    'mtlsIdentities with a SPIFFE id that is none',
    () => mtlsIdentities([{ spiffeId: 'spiffe://A/b' }]),
    "mtlsIdentities[0].spiffeId must be a SPIFFE id, or one that ends in /*, got 'spiffe://A/b'",
  ],
  [
    'clientCredentials without endpoints',
    () => clientCredentials(oauth({ issuer: undefined })),
    'clientCredentials must have an issuer to discover, or tokenEndpoint',
  ],
  [
    'clientCredentials without a secret',
    () => clientCredentials(oauth({ authentication: { method: 'client_secret_basic', secret: 7 } })),
    'clientCredentials.authentication.secret must be a non-empty string, got [redacted]',
  ],
  [
    'clientCredentials with a certificate that is not there',
    () => clientCredentials(oauth({ authentication: { method: 'tls_client_auth' } })),
    'clientCredentials.tls must have a certificate for tls_client_auth, got nothing',
  ],
  [
    'clientCredentials with a public key',
    () =>
      clientCredentials(
        oauth({
          authentication: {
            method: 'private_key_jwt',
            algorithm: 'ES256',
            key: { pem: ec.publicKey.export({ type: 'spki', format: 'pem' }) },
          },
        }),
      ),
    'clientCredentials.authentication.key cannot be read as a key: ',
  ],
  [
    'clientCredentials with another method',
    () => clientCredentials(oauth({ authentication: { method: 'none' } })),
    "clientCredentials.authentication.method must be one of 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', got 'none'",
  ],
  [
    'tokenIntrospection in the clear',
    () => tokenIntrospection(oauth({ introspectionEndpoint: 'http://identity.test/' })),
    'tokenIntrospection.introspectionEndpoint must be an https: URL without credentials',
  ],
  [
    'tokenExchange with a number',
    () => tokenExchange(oauth({ maxSubjects: 0 })),
    'tokenExchange.maxSubjects must be an integer >= 1, got 0',
  ],
  [
    'signedMessages with a signer without key',
    () => signedMessages(signed({ signers: [{ kid: 'a', subject: 'a' }] })),
    'signedMessages.signers must have a key each, unless signedMessages.keys is given',
  ],
  [
    'signedMessages with a rule that is none',
    () => signedMessages(signed({ topics: [{ topics: 'a' }] })),
    'signedMessages.topics[0].topics is an unknown option, known are topic, publish, consume',
  ],
  [
    'signedMessages with a public key to sign',
    () => signedMessages(signed({ sign: { algorithm: 'ES256', key: { kid: 'a', pem: 'x' } } })),
    'signedMessages.sign.key cannot be read as a key: ',
  ],
]

describe('wrong options', () => {
  it.each(CASES)('%s', (_name, make, message) => {
    let thrown: unknown
    try {
      make()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(ConfigurationError)
    expect((thrown as Error).message).toContain(message)
    expect((thrown as Error).message).not.toContain('s3cret')
  })
})

describe('SPIFFE ids', () => {
  it.each([
    ['spiffe://prod.example.com/billing/api', { trustDomain: 'prod.example.com', path: '/billing/api' }],
    ['spiffe://prod.example.com', undefined],
    ['spiffe://prod.example.com/', undefined],
    ['spiffe://prod.example.com/a//b', undefined],
    ['spiffe://prod.example.com/a/../b', undefined],
    ['spiffe://prod.example.com:80/a', undefined],
    ['spiffe://PROD.example.com/a', undefined],
    ['spiffe://prod.example.com/a?b', undefined],
    ['https://prod.example.com/a', undefined],
    [`spiffe://a/${'x'.repeat(2048)}`, undefined],
  ])('%s', (uri, expected) => {
    expect(parseSpiffeId(uri)).toEqual(expected)
  })
})
