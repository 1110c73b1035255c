import type { GatewayTls } from '../server/tls.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { Problems } from './problems.ts'

/** A route must not wait for certificates that nobody is asked for. @throws ConfigurationError with every problem at once */
export function checkClientCertificates({ routes }: GatewayConfig, tls: GatewayTls | undefined): void {
  if (tls?.requestCert === true || !Array.isArray(routes)) return
  const problems = new Problems()
  for (const [at, route] of routes.entries()) {
    if (route?.clientCertificate === true)
      problems.add(`routes[${at}].clientCertificate`, true, 'left out where tls.requestCert is not true')
  }
  problems.throwIfAny('gateway')
}
