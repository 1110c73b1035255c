import { isIPv6 } from 'node:net'
import type { Rule } from './options.ts'

/** Where a server listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

const HIGHEST_PORT = 65_535
const HOST_AND_PORT = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[^\s:/@[\]]+))(?::(?<port>\d{1,5}))?$/i

/** One host. What a URL has beside it may be a password, so a URL is refused here, not shown by whoever cannot resolve it. */
export const hostName: Rule = {
  expected: 'a host name or an address, without scheme, port and credentials',
  accepts: (value) => typeof value === 'string' && (/^[^\s:/@]+$/.test(value) || isIPv6(value)),
}

export const hostAndPort: Rule = {
  expected: "'host' or 'host:port'",
  accepts: (value) => typeof value === 'string' && parseEndpoint(value, 1) !== undefined,
}

/** Reads `host`, `host:port`, `[v6]` or `[v6]:port`. @returns undefined when it is none of them */
export function parseEndpoint(text: string, usualPort: number): Endpoint | undefined {
  const { v6, name, port = usualPort } = HOST_AND_PORT.exec(text)?.groups ?? {}
  const host = v6 ?? name
  return host === undefined || Number(port) < 1 || Number(port) > HIGHEST_PORT ? undefined : { host, port: Number(port) }
}

/** `host:port`, an IPv6 address in brackets. */
export function describeEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** What a URL says about a server. */
export interface UrlParts {
  readonly host: string
  readonly port?: number
  readonly username?: string
  readonly password?: string
  /** Without the slash that begins it; absent when it is empty. */
  readonly path?: string
}

/** @param expected for people @param protocols such as `amqp:` */
export function serverUrl(expected: string, ...protocols: readonly string[]): Rule {
  const accepts = (value: unknown): boolean => {
    if (typeof value !== 'string' || !URL.canParse(value)) return false
    const { protocol, hostname } = new URL(value)
    return protocols.includes(protocol) && hostname !== '' && isDecodable(value)
  }
  return { expected, accepts, secret: true }
}

/** Parts of a URL are percent-encoded; one that is not would throw an error that is not ours. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

/** @param url that `serverUrl` accepts */
export function partsOfUrl(url: string): UrlParts {
  const { hostname, port, username, password, pathname } = new URL(url)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port && { port: Number(port) }),
    ...(username && { username: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { path: decodeURIComponent(pathname.slice(1)) }),
  }
}
