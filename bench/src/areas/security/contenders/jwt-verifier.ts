import type { Setup } from '@comm/bench/area'
import { type JwsAlgorithm, jwtVerifier } from '@comm/security/jwt'
import { AUDIENCE, ISSUER, signedToken } from './token.ts'

export const setup: Setup = async ({ parameters }) => {
  const algorithm = parameters['algorithm'] as JwsAlgorithm
  const { token, key } = await signedToken(algorithm)
  const verifier = jwtVerifier({ algorithms: [algorithm], keys: [{ kid: 'k1', key }], issuer: ISSUER, audience: AUDIENCE })
  const op = () => verifier.verify(token)
  return {
    verify: async () => {
      const { principal } = await op()
      if (principal.subject !== 'billing@clients') throw new Error(`verified a token of ${principal.subject}`)
      const forged = `${token.slice(0, -4)}AAAA`
      if ((await verifier.verify(forged).catch(() => undefined)) !== undefined) throw new Error('verified a forged token')
    },
    op,
  }
}
