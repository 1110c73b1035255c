import type { Clock } from '@comm/core'
import { type TrafficFigures, TrafficMeter } from './traffic-meter.ts'

export type Protocol = 'http' | 'grpc'

/** The calls of the window from one service to another, as this one has seen them. */
export interface TopologyEdge extends TrafficFigures {
  /** The caller: this service, or the identity of the one that called it. */
  readonly from: string
  readonly to: string
  readonly direction: 'outbound' | 'inbound'
  readonly protocol: Protocol
}

/** Who calls whom, as seen by one service. Those of all services together are the whole graph. */
export interface Topology {
  readonly service: string
  /** Epoch milliseconds. */
  readonly at: number
  /** How far back the figures go. */
  readonly windowMs: number
  readonly edges: readonly TopologyEdge[]
}

interface Edge {
  readonly from: string
  readonly to: string
  readonly direction: TopologyEdge['direction']
  readonly protocol: Protocol
  readonly meter: TrafficMeter
}

/** More callers than this share one edge: identities come from outside. */
const MOST_EDGES = 1000
const OTHERS = '(others)'

export class TopologyRecord {
  readonly #service: string
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #edges = new Map<string, Edge>()

  constructor(service: string, clock: Clock, windowMs: number) {
    this.#service = service
    this.#clock = clock
    this.#windowMs = windowMs
  }

  outbound(to: string, protocol: Protocol): TrafficMeter {
    return this.#edge(this.#service, to, 'outbound', protocol)
  }

  inbound(from: string, protocol: Protocol): TrafficMeter {
    return this.#edge(from, this.#service, 'inbound', protocol)
  }

  snapshot(): Topology {
    const edges = [...this.#edges.values()].map(({ meter, ...edge }) => ({ ...edge, ...meter.figures() }))
    return { service: this.#service, at: this.#clock.wall(), windowMs: this.#windowMs, edges }
  }

  #edge(from: string, to: string, direction: TopologyEdge['direction'], protocol: Protocol): TrafficMeter {
    const key = `${direction} ${protocol} ${from} ${to}`
    const known = this.#edges.get(key)
    if (known !== undefined) return known.meter
    if (this.#edges.size >= MOST_EDGES && from !== OTHERS && direction === 'inbound') {
      return this.#edge(OTHERS, to, direction, protocol)
    }
    const meter = new TrafficMeter(this.#clock, this.#windowMs)
    this.#edges.set(key, { from, to, direction, protocol, meter })
    return meter
  }
}
