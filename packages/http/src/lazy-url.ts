import { type InspectOptions, inspect } from 'node:util'

/** What the URLs under a base URL have in common. */
export interface Site {
  readonly protocol: string
  readonly host: string
  readonly hostname: string
  readonly port: string
  readonly origin: string
  /** The path of the base URL without a slash at its end. */
  readonly prefix: string
}

const sites = new WeakMap<URL, Site>()

/** @param base that nobody changes any more */
export function siteOf(base: URL): Site {
  let site = sites.get(base)
  if (site === undefined) {
    const { protocol, host, hostname, port, origin, pathname } = base
    site = { protocol, host, hostname, port, origin, prefix: pathname.replace(/\/$/, '') }
    sites.set(base, site)
  }
  return site
}

/** A path and a query that the URL parser would leave as they are (WHATWG URL, 1.3), dot segments aside. */
const AS_IT_IS = /^\/[\w\-.~!$&'()*+,;=:@/]*(?:\?[\w\-.~!$&()*+,;=:@/?%]+)?$/

/** The URL of a path that needs no parsing; undefined for all others. */
export function lazyUrl(base: URL, path: string): URL | undefined {
  return AS_IT_IS.test(path) && !path.includes('/.') ? new LazyUrl(siteOf(base), path) : undefined
}

/**
 * A URL whose parts are known. It is parsed when somebody changes it, or asks for its `searchParams`: parsing is the dearest step of making a
 * request.
 */
class LazyUrl implements URL {
  readonly #site: Site
  readonly #pathname: string
  readonly #search: string
  #parsed: URL | undefined

  constructor(site: Site, path: string) {
    const query = path.indexOf('?')
    this.#site = site
    this.#pathname = site.prefix + (query < 0 ? path : path.slice(0, query))
    this.#search = query < 0 ? '' : path.slice(query)
    this.#parsed = undefined
  }

  get #whole(): URL {
    this.#parsed ??= new URL(this.href)
    return this.#parsed
  }

  get href(): string {
    return this.#parsed === undefined ? this.#site.origin + this.#pathname + this.#search : this.#parsed.href
  }
  set href(value: string) {
    this.#whole.href = value
  }

  get origin(): string {
    return this.#parsed === undefined ? this.#site.origin : this.#parsed.origin
  }

  get protocol(): string {
    return this.#parsed === undefined ? this.#site.protocol : this.#parsed.protocol
  }
  set protocol(value: string) {
    this.#whole.protocol = value
  }

  get username(): string {
    return this.#parsed === undefined ? '' : this.#parsed.username
  }
  set username(value: string) {
    this.#whole.username = value
  }

  get password(): string {
    return this.#parsed === undefined ? '' : this.#parsed.password
  }
  set password(value: string) {
    this.#whole.password = value
  }

  get host(): string {
    return this.#parsed === undefined ? this.#site.host : this.#parsed.host
  }
  set host(value: string) {
    this.#whole.host = value
  }

  get hostname(): string {
    return this.#parsed === undefined ? this.#site.hostname : this.#parsed.hostname
  }
  set hostname(value: string) {
    this.#whole.hostname = value
  }

  get port(): string {
    return this.#parsed === undefined ? this.#site.port : this.#parsed.port
  }
  set port(value: string) {
    this.#whole.port = value
  }

  get pathname(): string {
    return this.#parsed === undefined ? this.#pathname : this.#parsed.pathname
  }
  set pathname(value: string) {
    this.#whole.pathname = value
  }

  get search(): string {
    return this.#parsed === undefined ? this.#search : this.#parsed.search
  }
  set search(value: string) {
    this.#whole.search = value
  }

  get searchParams(): URLSearchParams {
    return this.#whole.searchParams
  }

  get hash(): string {
    return this.#parsed === undefined ? '' : this.#parsed.hash
  }
  set hash(value: string) {
    this.#whole.hash = value
  }

  toString(): string {
    return this.href
  }

  toJSON(): string {
    return this.href
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspect(this.#whole, options)
  }
}

// So that it is a URL to all who ask by `instanceof`, or by its string tag.
Object.setPrototypeOf(LazyUrl.prototype, URL.prototype)
