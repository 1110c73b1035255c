import type { GrpcClientConfig } from '@comm/config'
import type { BuildContext } from './build-context.ts'
import { sectionPath } from './client-names.ts'
import { policyOptions } from './policy-options.ts'
import { refuseSetting, type ServiceFinder } from './service-finder.ts'

/**
 * The options of `GrpcClient` that a configuration section stands for.
 * @throws ConfigurationError when it says neither where to call nor what, or nobody can find it
 */
export function grpcOptions(
  config: GrpcClientConfig,
  { name, correlationHeader, logger }: BuildContext,
  finder: ServiceFinder | undefined,
): Readonly<Record<string, unknown>> {
  const { timeout, keepalive, ssl, service } = config
  const { enabled: isEncrypted, ...files } = ssl
  return {
    ...placeOf(name, config, finder),
    ...(service === undefined ? {} : { service }),
    metadata: config.metadata,
    timeout: {
      connectMs: timeout.connectionMs,
      attemptMs: timeout.attemptMs,
      totalMs: timeout.totalMs,
      streamMs: timeout.streamMs,
    },
    maxReceiveBytes: config.maxReceiveBytes,
    compression: config.compression,
    keepalive: keepalive.enabled && {
      intervalMs: keepalive.intervalMs,
      timeoutMs: keepalive.timeoutMs,
      whileIdle: keepalive.whileIdle,
    },
    ...policyOptions(config, logger),
    ...(isEncrypted ? { tls: files } : {}),
    correlationHeader,
    logger,
  }
}

function placeOf(
  name: string,
  { address, addresses, service }: GrpcClientConfig,
  finder: ServiceFinder | undefined,
): Readonly<Record<string, unknown>> {
  if (address !== undefined) return { address }
  if (addresses.length > 0) return { endpoints: addresses }
  if (service !== undefined && finder !== undefined) return { endpoints: finder.resolver(service) }
  const section = sectionPath(name)
  if (service === undefined) refuseSetting(`${section}.address`, 'nothing', 'given, or addresses, or a service')
  refuseSetting(`${section}.service`, `'${service}'`, 'given with an address, or with a component `discovery` that finds it')
}
