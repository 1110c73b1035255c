import type { HttpClientConfig } from '@comm/config'
import type { BuildContext } from './build-context.ts'
import { sectionPath } from './client-names.ts'
import { policyOptions } from './policy-options.ts'
import { isServiceUrl, refuseSetting, type ServiceFinder } from './service-finder.ts'

/**
 * The options of `EnhancedHttpClient` that a configuration section stands for.
 * @throws ConfigurationError when it calls a service that nobody can find
 */
export function httpOptions(
  config: HttpClientConfig,
  { name, correlationHeader, detailedMetrics, logger }: BuildContext,
  finder: ServiceFinder | undefined,
): Readonly<Record<string, unknown>> {
  const { cache, timeout, ssl } = config
  const auth = authOf(config.auth)
  return {
    ...placeOf(name, config, finder),
    headers: config.headers,
    timeout: {
      connectMs: timeout.connectionMs,
      readMs: timeout.readMs,
      writeMs: timeout.writeMs,
      attemptMs: timeout.attemptMs,
      totalMs: timeout.totalMs,
    },
    maxConnections: config.maxConnections,
    maxKeepaliveConnections: config.maxKeepaliveConnections,
    keepaliveExpiryMs: config.keepaliveExpiryMs,
    maxResponseBytes: config.maxResponseBytes,
    correlationHeader,
    detailedMetrics,
    ...policyOptions(config, logger),
    cache: cache.enabled && {
      maxEntries: cache.maxEntries,
      maxBytes: cache.maxBytes,
      logger,
      ...(cache.ttlMs === undefined ? {} : { defaultTtlMs: cache.ttlMs }),
    },
    logger,
    ...(auth === undefined ? {} : { auth }),
    ...(Object.keys(ssl).length === 0 ? {} : { tls: ssl }),
  }
}

/** Requests without a base URL may name any service: `service://orders/7`. */
function placeOf(
  name: string,
  { baseUrl }: HttpClientConfig,
  finder: ServiceFinder | undefined,
): Readonly<Record<string, unknown>> {
  const endpoints = finder === undefined ? {} : { endpoints: (service: string) => finder.resolver(service) }
  if (baseUrl === undefined) return endpoints
  if (!isServiceUrl(baseUrl)) return { baseUrl }
  if (finder !== undefined) return { baseUrl, ...endpoints }
  const expected = 'an http:// or https:// URL where there is no component `discovery` that finds services'
  refuseSetting(`${sectionPath(name)}.baseUrl`, `'${baseUrl}'`, expected)
}

/** What is set of the section; the client says which ways of it go together. */
function authOf({ bearer, basic, apiKey, oauth2 }: HttpClientConfig['auth']): Readonly<Record<string, unknown>> | undefined {
  const ways = Object.entries({ basic, apiKey, oauth2 }).filter(([, section]) => Object.keys(section).length > 0)
  if (bearer === undefined && ways.length === 0) return undefined
  return { ...(bearer !== undefined && { bearer }), ...Object.fromEntries(ways) }
}
