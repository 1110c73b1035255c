import type {
  BackoffConfig,
  BreakerOptions,
  BulkheadOptions,
  ConcurrencyLimitOptions,
  EndpointSource,
  Instance,
  RetryBudgetOptions,
  TlsOptions,
  TlsReloader,
} from '@comm/core'
import type { OutlierDetectionOptions } from '@comm/core/balancing'
import type { PoolOptions } from '@comm/http'
import type { TimeoutsConfig } from '../upstream/timeouts.ts'

export type BalancingName =
  | 'roundRobin'
  | 'weightedRoundRobin'
  | 'random'
  | 'weightedRandom'
  | 'leastConnections'
  | 'leastResponseTime'
  | 'powerOfTwoChoices'
  | 'consistentHash'

export interface RetryConfig {
  /** Tries after the first, each at another instance where there is one. @default 2 */
  readonly maxRetries?: number
  /** Statuses that are worth another attempt. @default [502, 503, 504] */
  readonly statuses?: readonly number[]
  /** @default exponential from 25 ms, at most 1 s */
  readonly backoff?: BackoffConfig
  /** Retries as a share of the calls; false: no limit. @default {} */
  readonly budget?: false | RetryBudgetOptions
  /** So long a body is kept to be sent again; a longer one is sent once. @default 65536 */
  readonly replayBytes?: number
}

export interface ActiveHealthConfig {
  /** Is asked with GET; 200 to 299 is healthy. @default '/health' */
  readonly path?: string
  /** @default 10000 */
  readonly intervalMs?: number
  /** @default 2000 */
  readonly timeoutMs?: number
  /** @default 3 */
  readonly unhealthyAfter?: number
  /** @default 2 */
  readonly healthyAfter?: number
}

/** A TLS connection to the instances of a service: PEM texts, or files, which may be replaced while the gateway runs. */
export type UpstreamTls = Omit<TlsOptions, 'enabled'>

/** A service behind the gateway. */
export interface ServiceConfig {
  /** Where it is: `http://users:8000`, with a path that is put before each request's. Either this or `instances`. */
  readonly url?: string
  /** Its instances, or where they are known. */
  readonly instances?: EndpointSource | readonly (string | Instance)[]
  /** How its `instances` are called. @default 'https' where there is `tls` or a `tlsName`, else 'http' */
  readonly protocol?: 'http' | 'https'
  /** Whom its instances are verified by, and what they are shown. A `TlsReloader`, such as that of a mesh, is not closed. */
  readonly tls?: UpstreamTls | TlsReloader
  /** The name that is expected in the certificates of its instances. @default the host of each */
  readonly tlsName?: string
  /** Of its automatic route; false: it has none. @default '/api/v1/' and the plural of its name without '-service' */
  readonly path?: string | false
  /** @default 'powerOfTwoChoices' */
  readonly balancing?: BalancingName
  /** What `consistentHash` chooses by. @default the client's address */
  readonly hashHeader?: string
  /** Active checks. @default false */
  readonly healthCheck?: boolean | ActiveHealthConfig
  /** Passive ones, by the calls that are made anyway. @default {} */
  readonly outlierDetection?: false | OutlierDetectionOptions
  /** Connections to each instance. @default 1024 at most, 256 of them idle */
  readonly connections?: PoolOptions
  readonly timeouts?: TimeoutsConfig
  /** @default {} */
  readonly retry?: boolean | RetryConfig
  /** Of the whole service. @default {} */
  readonly breaker?: boolean | Omit<BreakerOptions, 'name' | 'clock' | 'classify' | 'onStateChange'>
  /** How many requests are under way at once, and wait. @default none */
  readonly bulkhead?: false | Omit<BulkheadOptions, 'name'>
  /** The same, found by latency. @default false */
  readonly concurrencyLimit?: boolean | Omit<ConcurrencyLimitOptions, 'name' | 'classify'>
  /** Statuses that count as failures of the service for its breaker and outlier detection. @default [500, 502, 503, 504] */
  readonly failureStatuses?: readonly number[]
  /** The service sees the Host that the client named. @default false */
  readonly preserveHost?: boolean
  /** Where it has an OpenAPI document of itself, for routes with `openapi`: `/openapi.json`. @default it has none */
  readonly openapi?: string
}
