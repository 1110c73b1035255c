import type { Problem } from '@comm/core'
import { consistentHash, powerOfTwoChoices, type StrategyFactory, weightedRandom } from '@comm/core/balancing'
import { configurationError, describeValue, number, object, UNKNOWN } from '@comm/core/options'
import type { HttpRequest } from '@comm/http'

/** What calls of one session are known by: a header of HTTP requests, or a function of them. gRPC calls say it as their `balancingKey`. */
export type StickyConfig = { readonly header: string } | { readonly key: (request: HttpRequest) => string | undefined }

/** How the calls of a service are spread over its instances. */
export interface ServiceTraffic {
  /**
   * Shares by version: `{ '1': 90, '2': 10 }`. `1` stands for `1.4.2` too; the longest that fits counts. Versions that are not named, or have 0,
   * get no calls; the share of one without instances goes to the others.
   */
  readonly split?: Readonly<Record<string, number>>
  /** Calls of one session go to one instance for as long as it is there. With `split`, a share of the sessions goes to each version. */
  readonly sticky?: StickyConfig
  /** @default weightedRandom() with a split, consistentHash() when sticky, else powerOfTwoChoices() */
  readonly strategy?: StrategyFactory
}

/** By service. */
export type TrafficConfig = Readonly<Record<string, ServiceTraffic>>

const WEIGHTED = weightedRandom()
const ANY = powerOfTwoChoices()
/** One popular session must not be torn apart, so there is no limit to its load. */
const STICKY = consistentHash({ places: 200, loadFactor: Number.POSITIVE_INFINITY })

export function strategyOf({ split, sticky, strategy }: ServiceTraffic): StrategyFactory {
  if (strategy !== undefined) return strategy
  if (sticky !== undefined) return STICKY
  return split === undefined ? ANY : WEIGHTED
}

export function sessionOf({ sticky }: ServiceTraffic, request: HttpRequest): string | undefined {
  if (sticky === undefined) return undefined
  return 'header' in sticky ? request.headers[sticky.header.toLowerCase()] : sticky.key(request)
}

const share = number({ min: 0 })
const KNOWN: readonly string[] = ['split', 'sticky', 'strategy']

/** @throws ConfigurationError with every problem at once */
export function checkTraffic(config: TrafficConfig): void {
  const problems: Problem[] = []
  const wrong = (key: string, value: unknown, expected: string): void => {
    problems.push({ key, received: describeValue(value), expected })
  }
  if (!object.accepts(config)) wrong('mesh.traffic', config, 'an object by service')
  else {
    for (const [service, given] of Object.entries(config)) {
      const key = `mesh.traffic.${service}`
      if (!object.accepts(given)) {
        wrong(key, given, 'an object')
        continue
      }
      for (const name of Object.keys(given)) {
        if (!KNOWN.includes(name)) problems.push({ key: `${key}.${name}`, received: UNKNOWN, expected: KNOWN.join(', ') })
      }
      const { split, sticky, strategy } = given
      if (split !== undefined && !isSplit(split)) {
        wrong(`${key}.split`, split, 'an object of shares >= 0 by version, one of them above 0')
      }
      if (sticky !== undefined && !isSticky(sticky)) wrong(`${key}.sticky`, sticky, '{ header } or { key }, a function')
      if (strategy !== undefined && typeof (strategy as Partial<StrategyFactory>)?.create !== 'function') {
        wrong(`${key}.strategy`, strategy, 'a strategy such as roundRobin()')
      }
    }
  }
  if (problems.length > 0) throw configurationError('mesh.traffic', problems)
}

function isSplit(value: unknown): boolean {
  if (!object.accepts(value)) return false
  const shares = Object.values(value as object)
  return shares.every(share.accepts) && shares.some((each) => Number(each) > 0)
}

function isSticky(value: unknown): boolean {
  if (!object.accepts(value)) return false
  const { header, key } = value as { header?: unknown; key?: unknown }
  return (typeof header === 'string' && header !== '' && key === undefined) || (typeof key === 'function' && header === undefined)
}
