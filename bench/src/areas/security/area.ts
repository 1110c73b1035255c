import type { Area, Work } from '@comm/bench/area'

const BARE = 'jose'
const OURS = '@comm/security'

function work(algorithm: string): Work {
  return {
    name: `verify ${algorithm}`,
    baseline: BARE,
    // The signature is verified in another thread, so one at a time mostly waits.
    warmUpInFlight: 20,
    // Most of the time passes in OpenSSL, whose share varies more between rounds than ours adds.
    rounds: 15,
    roundMs: 400,
    contenders: [
      { name: BARE, module: import.meta.resolve('./contenders/jose.ts'), parameters: { algorithm } },
      { name: OURS, module: import.meta.resolve('./contenders/jwt-verifier.ts'), parameters: { algorithm } },
    ],
    limits: [{ contender: OURS, atMost: 1.15, timesOf: BARE }],
  }
}

/** What it costs to verify an access token of a usual size, beside the same of `jose` with a key that was imported before. */
export const area: Area = {
  name: 'security',
  packages: ['security'],
  works: ['HS256', 'RS256', 'ES256', 'EdDSA'].map(work),
}
