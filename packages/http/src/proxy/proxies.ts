import { BlockList, isIP } from 'node:net'
import { entriesOf, isRange, type ProxyOption, resolveProxies } from './options.ts'

interface Exception {
  readonly host: string
  readonly port: string
  /** Subdomains only. */
  readonly isBelow: boolean
}

const HOST_AND_PORT = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[^:]+))(?::(?<port>\d+))?$/i

/** Says which proxy a request goes through. */
export class Proxies {
  readonly #http: string | undefined
  readonly #https: string | undefined
  readonly #exceptions: readonly Exception[]
  readonly #ranges = new BlockList()
  readonly #isNever: boolean

  /** @throws ConfigurationError */
  constructor(what: string, proxy: ProxyOption) {
    const { http, https, noProxy } = resolveProxies(what, proxy)
    const entries = entriesOf(noProxy)
    this.#http = http
    this.#https = https
    this.#isNever = entries.includes('*')
    for (const range of entries.filter(isRange)) {
      const [address = '', prefix] = range.split('/')
      this.#ranges.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4')
    }
    this.#exceptions = entries.filter((entry) => !isRange(entry)).map(exceptionOf)
  }

  /** The URL of the proxy, with its credentials; undefined: directly. */
  for(url: URL): string | undefined {
    const proxy = url.protocol === 'https:' ? this.#https : this.#http
    return proxy === undefined || this.#isExcepted(url) ? undefined : proxy
  }

  #isExcepted({ hostname, port, protocol }: URL): boolean {
    if (this.#isNever) return true
    const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
    const family = isIP(host)
    if (family !== 0 && this.#ranges.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true
    const ownPort = port || (protocol === 'https:' ? '443' : '80')
    return this.#exceptions.some((exception) => {
      if (exception.port !== '' && exception.port !== ownPort) return false
      return (!exception.isBelow && host === exception.host) || (family === 0 && host.endsWith(`.${exception.host}`))
    })
  }
}

/** `example.com` and `.example.com` mean it and what is below it, `*.example.com` only what is below. */
function exceptionOf(entry: string): Exception {
  const { v6, name = entry, port = '' } = HOST_AND_PORT.exec(entry)?.groups ?? {}
  const host = (v6 ?? name).toLowerCase().replace(/\.$/, '')
  return { host: host.replace(/^\*?\./, ''), port, isBelow: host.startsWith('*.') }
}
