import { loadValues, type Partially } from './load.ts'
import { GRPC_CLIENT, type GrpcClientConfig } from './settings/grpc-client.ts'
import { HTTP_CLIENT, type HttpClientConfig } from './settings/http-client.ts'
import { LOGGING, type LoggingConfig } from './settings/logging.ts'
import { MESSAGE_BROKER, type MessageBrokerConfig } from './settings/message-broker.ts'
import { SERVICE_DISCOVERY, type ServiceDiscoveryConfig } from './settings/service-discovery.ts'

/**
 * One section made in code: checked, its defaults filled in, frozen.
 * @throws ConfigurationError with every problem at once
 */
export function httpClientConfig(values: Partially<HttpClientConfig> = {}): HttpClientConfig {
  return loadValues('httpClientConfig', HTTP_CLIENT, values).settings
}

/** As `httpClientConfig`, for a gRPC client. */
export function grpcClientConfig(values: Partially<GrpcClientConfig> = {}): GrpcClientConfig {
  return loadValues('grpcClientConfig', GRPC_CLIENT, values).settings
}

/** As `httpClientConfig`, for a broker. */
export function messageBrokerConfig(values: Partially<MessageBrokerConfig> = {}): MessageBrokerConfig {
  return loadValues('messageBrokerConfig', MESSAGE_BROKER, values).settings
}

/** As `httpClientConfig`, for service discovery. */
export function serviceDiscoveryConfig(values: Partially<ServiceDiscoveryConfig> = {}): ServiceDiscoveryConfig {
  return loadValues('serviceDiscoveryConfig', SERVICE_DISCOVERY, values).settings
}

/** As `httpClientConfig`, for logging. */
export function loggingConfig(values: Partially<LoggingConfig> = {}): LoggingConfig {
  return loadValues('loggingConfig', LOGGING, values).settings
}
