import { describeValue } from '@comm/core/options'
import { refuse } from '../refuse.ts'
import { displayUrl, parseBaseUrl } from '../url.ts'
import { type BalancingOptions, type Endpoints, isServiceName } from './options.ts'

/** Where the requests of a client go. */
export interface Destination {
  /** As errors and the cache know it: with the name of the service for a host, where there are instances. */
  readonly baseUrl: URL | undefined
  /** All requests go to instances of this one. */
  readonly service: string | undefined
  readonly endpoints: Endpoints | undefined
  /** What `service://` stands for. */
  readonly protocol: 'http:' | 'https:'
  /** Sent in place of the instance's own address. */
  readonly host: string | undefined
}

type Given = BalancingOptions & { readonly baseUrl?: string | URL; readonly tls?: unknown }

const SERVICE_URL = /^service:\/\//i

/** @throws ConfigurationError when the options do not say, or say it twice */
export function destinationOf(options: Given): Destination {
  const { baseUrl, baseUrls, endpoints, service } = options
  const protocol = options.tls === undefined ? 'http:' : 'https:'
  if (baseUrls !== undefined) return ofBaseUrls(options, baseUrls)
  if (endpoints === undefined) return ofBaseUrl(options, protocol)
  if (baseUrl === undefined) {
    if (service !== undefined)
      return { baseUrl: serviceUrl(protocol, service, ''), service, endpoints, protocol, host: undefined }
    if (typeof endpoints === 'function') return { baseUrl: undefined, service: undefined, endpoints, protocol, host: undefined }
    refuse('HttpClient.service', 'given with endpoints, or in baseUrl', 'nothing')
  }
  if (!isServiceUrl(baseUrl)) {
    const url = parseBaseUrl('HttpClient.baseUrl', baseUrl)
    return { baseUrl: url, service: service ?? url.hostname, endpoints, protocol: url.protocol as 'http:', host: url.host }
  }
  const named = parseServiceUrl('HttpClient.baseUrl', String(baseUrl), protocol)
  if (named.url.search !== '' || named.url.hash !== '')
    refuse('HttpClient.baseUrl', 'without query and fragment', 'one with them')
  return { baseUrl: named.url, service: service ?? named.service, endpoints, protocol, host: undefined }
}

function ofBaseUrl({ baseUrl, service, balancer }: Given, protocol: Destination['protocol']): Destination {
  const needs = 'given with endpoints or baseUrls'
  if (service !== undefined) refuse('HttpClient.service', needs, 'no endpoints')
  if (balancer !== undefined) refuse('HttpClient.balancer', needs, 'no endpoints')
  if (baseUrl !== undefined && isServiceUrl(baseUrl))
    refuse('HttpClient.endpoints', 'given for a baseUrl of service://', 'nothing')
  const url = baseUrl === undefined ? undefined : parseBaseUrl('HttpClient.baseUrl', baseUrl)
  return { baseUrl: url, service: undefined, endpoints: undefined, protocol, host: undefined }
}

function ofBaseUrls({ baseUrl, endpoints, service }: Given, baseUrls: readonly (string | URL)[]): Destination {
  if (baseUrl !== undefined || endpoints !== undefined)
    refuse('HttpClient.baseUrls', 'given without baseUrl and endpoints', 'both')
  const urls = baseUrls.map((each, index) => parseBaseUrl(`HttpClient.baseUrls[${index}]`, each))
  const [first] = urls as [URL, ...URL[]]
  for (const [index, { protocol, pathname }] of urls.entries()) {
    if (protocol !== first.protocol || pathname !== first.pathname) {
      refuse(`HttpClient.baseUrls[${index}]`, `like ${displayUrl(first)} but for host and port`, displayUrl(urls[index] as URL))
    }
  }
  const instances = urls.map(({ host, hostname, port, protocol }) => {
    return { id: host, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  })
  return {
    baseUrl: first,
    service: service ?? first.hostname,
    endpoints: instances,
    protocol: first.protocol as 'http:',
    host: undefined,
  }
}

export function isServiceUrl(target: string | URL): boolean {
  return SERVICE_URL.test(String(target))
}

/** Reads `service://orders/path`. @throws ConfigurationError */
export function parseServiceUrl(
  key: string,
  text: string,
  protocol: Destination['protocol'],
): { readonly service: string; readonly url: URL } {
  const parsed = URL.parse(text)
  const isWhole = parsed !== null && parsed.port === '' && parsed.username === '' && parsed.password === ''
  if (!isWhole || !isServiceName(parsed.hostname)) {
    const received = parsed === null ? 'a text that is no URL' : describeValue(displayUrl(parsed))
    refuse(
      key,
      'service://NAME/path, without port and credentials, its name of letters, digits, dots, hyphens and underscores',
      received,
    )
  }
  const { hostname: service, pathname, search } = parsed
  return { service, url: serviceUrl(protocol, service, `${pathname}${search}`) }
}

function serviceUrl(protocol: Destination['protocol'], service: string, path: string): URL {
  return new URL(`${protocol}//${service}${path}`)
}
