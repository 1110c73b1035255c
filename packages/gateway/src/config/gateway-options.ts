import { isIP } from 'node:net'
import { type Clock, DEFAULT_CORRELATION_HEADER, type Logger, silentLogger, systemClock } from '@comm/core'
import {
  boolean,
  callable,
  checkArgument,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import { TLS_MATERIAL_RULES } from '@comm/core/tls'
import type { ForwardedStyle } from '../message/forwarding.ts'
import type { GatewayTls } from '../server/tls.ts'
import type { GatewayConfig } from './gateway-config.ts'
import { Problems } from './problems.ts'
import { isPath } from './service.ts'

/** What is fixed while the gateway runs. */
export interface GatewaySettings {
  /** 0: any free port. */
  readonly port: number
  /** @default every address of the machine */
  readonly host?: string
  /** Stands in logs and health reports. @default 'gateway' */
  readonly name?: string
  /** @default silentLogger */
  readonly logger?: Logger
  /** A line per request, at level info. @default true */
  readonly accessLog?: boolean
  /** Ties together what one request causes; taken over from the client, or made. @default 'X-Correlation-ID' */
  readonly correlationHeader?: string
  /** Bears the id of the request itself, always a new one. @default 'X-Request-ID' */
  readonly requestIdHeader?: string
  /** Addresses and networks of proxies in front whose Forwarded and X-Forwarded-For are believed. @default [] */
  readonly trustedProxies?: readonly string[]
  /** How services learn who asked. @default 'both' */
  readonly forwarded?: ForwardedStyle
  /** The gateway's name in Via (RFC 9110 7.6.3). @default 'comm-gateway' */
  readonly pseudonym?: string
  /** HTTPS. @default none */
  readonly tls?: GatewayTls
  /** Larger heads are answered with 431. @default 16384 */
  readonly maxHeaderBytes?: number
  /** How long a client may take to send the head of a request. @default 30000 */
  readonly headersTimeoutMs?: number
  /** How long an idle connection of a client is kept; longer than that of a balancer in front. @default 65000 */
  readonly keepAliveTimeoutMs?: number
  /** @default '/health' */
  readonly healthPath?: string
  /** @default '/ready' */
  readonly readyPath?: string
  /** @default '/live' */
  readonly livePath?: string
  /** Time for the whole stop, the delay included. @default 10000 */
  readonly stopBudgetMs?: number
  /** How long readiness is red before the stop begins, so that balancers notice; less than the budget. @default 0 */
  readonly readinessDelayMs?: number
  /** @default systemClock */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: () => number
}

/** Settings that a file can hold. */
export type FileSettings = Omit<GatewaySettings, 'logger' | 'clock' | 'random'>

/** What a file holds: a configuration, and settings beside it where they are not in the code. */
export interface GatewayFileConfig extends GatewayConfig, Partial<FileSettings> {}

export interface GatewayOptions extends GatewaySettings, GatewayConfig {}

export const GATEWAY_DEFAULTS: Readonly<Required<Omit<GatewaySettings, 'port' | 'host' | 'tls'>>> = Object.freeze({
  name: 'gateway',
  logger: silentLogger,
  accessLog: true,
  correlationHeader: DEFAULT_CORRELATION_HEADER,
  requestIdHeader: 'X-Request-ID',
  trustedProxies: Object.freeze([]),
  forwarded: 'both',
  pseudonym: 'comm-gateway',
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  healthPath: '/health',
  readyPath: '/ready',
  livePath: '/live',
  stopBudgetMs: 10_000,
  readinessDelayMs: 0,
  clock: systemClock,
  random: Math.random,
})

export type ResolvedSettings = GatewaySettings & typeof GATEWAY_DEFAULTS

const aFieldName: Rule = {
  expected: 'the name of a header',
  accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value),
}
const networks: Rule = {
  expected: "an array of addresses and networks such as '10.0.0.0/8'",
  accepts: (value) => Array.isArray(value) && value.every(isNetwork),
}
const path: Rule = { expected: "a path such as '/health'", accepts: isPath }

/** A configuration, and the settings that it was beside. */
export function splitFileConfig({ services, routes, prefix, ...settings }: GatewayFileConfig): {
  readonly config: GatewayConfig
  readonly settings: Partial<FileSettings>
} {
  return { config: { services, ...(routes && { routes }), ...(prefix !== undefined && { prefix }) }, settings }
}

const anyPort = number({ min: 0, max: 65_535, integer: true })

/** As Node takes them. */
const timerMs = number({ min: 1, max: 2_147_483_647, integer: true })

const RULES: Rules<GatewaySettings> = {
  port: required(anyPort),
  host: nonEmptyText,
  name: nonEmptyText,
  logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error', 'isEnabled'),
  accessLog: boolean,
  correlationHeader: aFieldName,
  requestIdHeader: aFieldName,
  trustedProxies: networks,
  forwarded: oneOf('both', 'forwarded', 'x-forwarded', 'none'),
  pseudonym: aFieldName,
  tls: object,
  maxHeaderBytes: number({ min: 1024, max: 16 * 1024 * 1024, integer: true }),
  headersTimeoutMs: timerMs,
  keepAliveTimeoutMs: timerMs,
  healthPath: path,
  readyPath: path,
  livePath: path,
  stopBudgetMs: number({ min: 0 }),
  readinessDelayMs: number({ min: 0 }),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  random: callable,
}

const { logger: _logger, clock: _clock, random: _random, ...FILE_RULES } = RULES

const TLS_RULES: Rules<GatewayTls> = { ...TLS_MATERIAL_RULES, names: object, requestCert: boolean, http2: boolean }

/** @throws ConfigurationError with every problem at once */
export function checkFileSettings(settings: Partial<FileSettings>): void {
  check(settings, { ...FILE_RULES, port: anyPort } as Rules<GatewaySettings>)
}

function check(settings: Partial<GatewaySettings>, rules: Rules<GatewaySettings>): void {
  const problems = new Problems()
  const { tls } = settings
  if (
    problems.options<Partial<GatewaySettings>>('gateway', settings, rules as Rules<Partial<GatewaySettings>>) &&
    tls !== undefined
  )
    checkCertificates(tls, problems)
  problems.throwIfAny('gateway')
}

function checkCertificates(tls: GatewayTls, problems: Problems): void {
  if (!problems.options('gateway.tls', tls, TLS_RULES)) return
  const all = [
    ['gateway.tls', tls] as const,
    ...Object.entries(tls.names ?? {}).map(([name, own]) => [`gateway.tls.names.${name}`, own] as const),
  ]
  for (const [key, own] of all) {
    if (key !== 'gateway.tls' && !problems.options(key, own, TLS_MATERIAL_RULES)) continue
    if ((own.cert ?? own.certFile) === undefined) problems.add(`${key}.certFile`, undefined, 'the file of a certificate')
    if ((own.key ?? own.keyFile) === undefined) problems.add(`${key}.keyFile`, undefined, "the file of the certificate's key")
  }
}

/** @throws ConfigurationError with every problem at once */
export function resolveSettings(settings: GatewaySettings): ResolvedSettings {
  check(settings, RULES)
  const resolved = withDefaults<GatewaySettings, keyof typeof GATEWAY_DEFAULTS>(GATEWAY_DEFAULTS, settings)
  const { stopBudgetMs, readinessDelayMs } = resolved
  checkArgument('gateway.readinessDelayMs', readinessDelayMs, {
    expected: `less than stopBudgetMs (${stopBudgetMs})`,
    accepts: () => readinessDelayMs === 0 || readinessDelayMs < stopBudgetMs,
  })
  return resolved
}

function isNetwork(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const [address = '', bits, ...rest] = value.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
}
