import { generateKeyPairSync } from 'node:crypto'
import { bearer, type Gate, type GateOptions, gate } from '@comm/security'
import { jwtVerifier } from '@comm/security/jwt'
import { requireScopes } from '@comm/security/policy'
import { SignJWT } from 'jose'

const ISSUER = 'https://identity.shop.example'
const AUDIENCE = 'shop'

/** Says who customers are. In the world outside its keys are published: `keys: remoteJwks({ url })`. */
export class IdentityProvider {
  readonly #keys = generateKeyPairSync('ed25519')

  /** Good for ten minutes. */
  token(subject: string, scope: string): Promise<string> {
    return new SignJWT({ scope })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(subject)
      .setExpirationTime('10 minutes')
      .sign(this.#keys.privateKey)
  }

  /** Lets in whoever has a token with this scope. */
  gate(scope: string, logger: NonNullable<GateOptions['logger']>): Gate {
    const keys = [{ kid: 'k1', key: this.#keys.publicKey }]
    const tokens = jwtVerifier({ algorithms: ['EdDSA'], keys, issuer: ISSUER, audience: AUDIENCE })
    return gate({ authenticators: [bearer(tokens)], policy: requireScopes(scope), logger })
  }
}
