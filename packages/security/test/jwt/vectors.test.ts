import { jwsVerifier, jwtVerifier } from '@comm/security/jwt'
import { describe, expect, it } from '@jest/globals'
import { UNSECURED, VECTORS, type Vector } from './rfc-vectors.ts'

function verifierOf({ keys, algorithms }: Vector) {
  return jwsVerifier({ algorithms, keys: keys.map((jwk) => ({ jwk })) })
}

describe('the JWS examples of the RFCs', () => {
  it.each(VECTORS.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
    const content = Buffer.from(vector.content)
    const detached = vector.detached ? content : undefined
    const { payload } = await verifierOf(vector).verify(vector.jws, detached)
    expect(Buffer.from(payload).toString()).toBe(vector.content)
  })

  it.each(VECTORS.map((vector) => [vector.name, vector] as const))(
    '%s with one bit of its content changed',
    async (_name, vector) => {
      const verifier = verifierOf(vector)
      const changed = Buffer.from(vector.content)
      changed.writeUInt8(changed.readUInt8(0) ^ 1, 0)
      const encoded = changed.toString('base64url')
      const { jws } = vector
      const [header, , signature] = typeof jws === 'string' ? jws.split('.') : []
      const tampered = typeof jws === 'string' ? `${header}.${encoded}.${signature}` : { ...jws, payload: encoded }
      const result = vector.detached ? verifier.verify(jws, changed) : verifier.verify(tampered)
      // Where there are several signatures, those of other algorithms come first and are told.
      await expect(result).rejects.toMatchObject({
        code: 'COMM_TOKEN_INVALID',
        details: { reason: expect.stringMatching(/^(signature|algorithm-not-allowed)$/) },
      })
    },
  )

  it('RFC 7515 A.5, which is not signed at all, is refused', async () => {
    const key = VECTORS[0] as Vector
    const refusal = { code: 'COMM_TOKEN_INVALID', details: { reason: 'algorithm-not-allowed' } }
    await expect(verifierOf(key).verify(UNSECURED)).rejects.toMatchObject(refusal)
    const keys = key.keys.map((jwk) => ({ jwk }))
    const tokens = jwtVerifier({ algorithms: ['HS256'], keys, issuer: 'joe', audience: false })
    await expect(tokens.verify(UNSECURED)).rejects.toMatchObject(refusal)
  })
})
