import { BlockList, isIP, isIPv6, type Socket } from 'node:net'
import type { RequestHead } from './request-head.ts'

/** Which fields tell the service who has asked. */
export type ForwardedStyle = 'both' | 'forwarded' | 'x-forwarded' | 'none'

export interface ForwardingOptions {
  /** Addresses and networks (`10.0.0.0/8`) of proxies whose word is believed. */
  readonly trustedProxies: readonly string[]
  readonly style: ForwardedStyle
  /** How this gateway calls itself in Via. */
  readonly pseudonym: string
}

const PEER: unique symbol = Symbol('peer')

/** What is the same for all requests of a connection. */
export interface Peer {
  /** Whose opinion of it this is. */
  readonly of: Forwarding
  readonly address: string
  /** As RFC 7239 6 wants it. */
  readonly node: string
  readonly isTrusted: boolean
  readonly scheme: 'http' | 'https'
  /** The last Host that was asked for on the connection, and the element of Forwarded with it. */
  lastHost: string | undefined
  lastElement: string
}

type KnownSocket = Socket & { [PEER]?: Peer }

/** Fields by which the service behind learns who asked whom for what: Forwarded (RFC 7239), X-Forwarded-* and Via (RFC 9110 7.6.3). */
export class Forwarding {
  readonly #options: ForwardingOptions
  readonly #trusted = new BlockList()
  readonly #trustsAny: boolean
  readonly #via: string

  constructor(options: ForwardingOptions) {
    this.#options = options
    this.#via = `1.1 ${options.pseudonym}`
    this.#trustsAny = options.trustedProxies.length > 0
    for (const each of options.trustedProxies) {
      const [address, bits] = each.split('/') as [string, string | undefined]
      const family = isIPv6(address) ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#trusted.addAddress(address, family)
      else this.#trusted.addSubnet(address, Number(bits), family)
    }
  }

  peerOf(socket: Socket): Peer {
    const known = socket as KnownSocket
    if (known[PEER]?.of !== this) known[PEER] = this.#look(socket)
    return known[PEER]
  }

  /** The address of the client: what a trusted proxy says, else that of the connection. */
  clientOf(peer: Peer, head: RequestHead): string {
    if (!peer.isTrusted || head.forwardedFor === undefined) return peer.address
    const chain = head.forwardedFor.split(',').map((each) => each.trim())
    for (let at = chain.length - 1; at >= 0; at--) {
      const address = chain[at] as string
      if (isIP(address) === 0) return peer.address
      if (at === 0 || !this.#isTrusted(address)) return address
    }
    return peer.address
  }

  /** @param version of the protocol that the request came by, such as `1.1` */
  add(fields: string[], head: RequestHead, peer: Peer, host: string, version: string): void {
    const { style, pseudonym } = this.#options
    if (style !== 'none') {
      const { isTrusted } = peer
      if (style !== 'forwarded') {
        const before = isTrusted ? head.forwardedFor : undefined
        fields.push('x-forwarded-for', before === undefined ? peer.address : `${before}, ${peer.address}`)
        fields.push('x-forwarded-proto', peer.scheme)
        if (host !== '') fields.push('x-forwarded-host', host)
      }
      if (style !== 'x-forwarded') {
        const element = elementOf(peer, host)
        fields.push('forwarded', isTrusted && head.forwarded !== undefined ? `${head.forwarded}, ${element}` : element)
      }
    }
    const own = version === '1.1' ? this.#via : `${version} ${pseudonym}`
    fields.push('via', head.via === undefined ? own : `${head.via}, ${own}`)
  }

  #look(socket: Socket): Peer {
    const { remoteAddress = 'unknown' } = socket
    const address = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress
    return {
      of: this,
      address,
      node: address.includes(':') ? `"[${address}]"` : address,
      isTrusted: this.#trustsAny && this.#isTrusted(address),
      scheme: 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http',
      lastHost: undefined,
      lastElement: '',
    }
  }

  #isTrusted(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** One element of Forwarded (RFC 7239 4). */
function elementOf(peer: Peer, host: string): string {
  if (peer.lastHost !== host) {
    peer.lastHost = host
    peer.lastElement = `for=${peer.node}${host === '' ? '' : `;host="${host}"`};proto=${peer.scheme}`
  }
  return peer.lastElement
}
