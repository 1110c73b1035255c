import { isIP } from 'node:net'
import { checkOptions, either, object, oneOf, type Rule, type Rules, text } from '@comm/core/options'
import { refuse } from '../refuse.ts'

/** Proxies by the protocol of the request: requests to `https:` go through a tunnel (CONNECT, RFC 9110 9.3.6). */
export interface ProxyOptions {
  /** For requests to `http:`. */
  readonly http?: string | URL
  /** For requests to `https:`. */
  readonly https?: string | URL
  /** Asked directly, as in NO_PROXY: host names with their subdomains, `host:port`, addresses, ranges such as `10.0.0.0/8`, `*`; with commas between. */
  readonly noProxy?: string
}

/** `'environment'`: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in lower case first, as they are when the client is made. */
export type ProxyOption = 'environment' | string | URL | ProxyOptions

export const proxyRule: Rule = {
  ...either(oneOf('environment'), text, object),
  expected: "'environment', the http: or https: URL of a proxy, or an object with http, https and noProxy",
  secret: true,
}

export interface ResolvedProxies {
  readonly http: string | undefined
  readonly https: string | undefined
  readonly noProxy: string
}

const url: Rule = {
  expected: 'the http: or https: URL of a proxy',
  accepts: (value) => {
    const parsed = typeof value === 'string' || value instanceof URL ? URL.parse(String(value)) : null
    return (
      parsed !== null &&
      (parsed.protocol === 'http:' || parsed.protocol === 'https:') &&
      parsed.pathname === '/' &&
      !parsed.search
    )
  },
  secret: true,
}
const RULES: Rules<ProxyOptions> = { http: url, https: url, noProxy: text }

/** @throws ConfigurationError, in which no URL of a proxy is shown: it may hold a password */
export function resolveProxies(
  what: string,
  proxy: ProxyOption,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedProxies {
  const given = optionsOf(proxy, env)
  checkOptions(`${what}.proxy`, given, RULES)
  const { http, https, noProxy = '' } = given
  for (const entry of entriesOf(noProxy))
    if (entry.includes('/') && !isRange(entry)) refuse(`${what}.proxy.noProxy`, 'made of hosts, addresses and ranges', entry)
  return {
    http: http === undefined ? undefined : String(new URL(http)),
    https: https === undefined ? undefined : String(new URL(https)),
    noProxy,
  }
}

function optionsOf(proxy: ProxyOption, env: Readonly<Record<string, string | undefined>>): ProxyOptions {
  if (proxy === 'environment') {
    const read = (name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined
    const [http, https, noProxy] = [read('HTTP_PROXY'), read('HTTPS_PROXY'), read('NO_PROXY')]
    return {
      ...(http === undefined ? {} : { http }),
      ...(https === undefined ? {} : { https }),
      ...(noProxy === undefined ? {} : { noProxy }),
    }
  }
  return typeof proxy === 'string' || proxy instanceof URL ? { http: proxy, https: proxy } : proxy
}

export function entriesOf(noProxy: string): readonly string[] {
  return noProxy.split(/[\s,]+/).filter((entry) => entry !== '')
}

/** `address/prefix` */
export function isRange(entry: string): boolean {
  const [address = '', prefix = ''] = entry.split('/')
  const family = isIP(address)
  return family !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128)
}
