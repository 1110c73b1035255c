import type { webcrypto } from 'node:crypto'
import type { Setup } from '@comm/bench/area'
import { importJWK, jwtVerify } from 'jose'
import { AUDIENCE, ISSUER, signedToken } from './token.ts'

/** As its documentation shows, with the key imported once and the checks that the other contender makes. */
export const setup: Setup = async ({ parameters }) => {
  const algorithm = String(parameters['algorithm'])
  const { token, key } = await signedToken(algorithm)
  const imported =
    key.type === 'secret'
      ? await crypto.subtle.importKey('raw', key.export(), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
      : ((await importJWK(key.export({ format: 'jwk' }), algorithm)) as webcrypto.CryptoKey)
  const options = {
    algorithms: [algorithm],
    issuer: ISSUER,
    audience: AUDIENCE,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: 30,
  }
  const op = () => jwtVerify(token, imported, options)
  return {
    verify: async () => {
      const { payload } = await op()
      if (payload.sub !== 'billing@clients') throw new Error(`verified a token of ${payload.sub}`)
    },
    op,
  }
}
