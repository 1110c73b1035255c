import { createPublicKey } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Setup } from '@comm/bench/area'
import { createGateway } from '@comm/gateway'
import { createLogger } from '@comm/logging'
import { bearer, gate } from '@comm/security'
import { jwtVerifier } from '@comm/security/jwt'
import { authenticated } from '@comm/security/policy'
import { metrics } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { AUDIENCE, ISSUER, underLoad } from '../under-load.ts'

/** The same with a JWT that is checked, a limit that is counted, a line in the access log, and a cache that does not have it. */
export const setup: Setup = async (input) => {
  metrics.setGlobalMeterProvider(new MeterProvider())
  const verifier = jwtVerifier({
    algorithms: ['EdDSA'],
    keys: [{ kid: 'k1', key: createPublicKey(String(input.environment.publicKey)) }],
    issuer: ISSUER,
    audience: AUDIENCE,
  })
  const door = gate({ authenticators: [bearer(verifier)], policy: authenticated() })
  const gateway = createGateway({
    port: 0,
    host: '127.0.0.1',
    logger: createLogger({ service: 'gateway', destination: createWriteStream('/dev/null') }),
    services: { users: { url: String(input.environment.service), path: false } },
    routes: [
      {
        path: '/api/v1/*',
        service: 'users',
        stripPrefix: '/api/v1',
        auth: ({ headers, method, path, address }) =>
          door.admit({ header: (name) => headers[name]?.toString(), address }, { action: method, resource: path }),
        rateLimit: { perSecond: 1e9, key: 'principal' },
        cache: true,
      },
    ],
  })
  await gateway.start()
  return underLoad(input, gateway.url, { close: async () => void (await gateway.stop()) })
}
