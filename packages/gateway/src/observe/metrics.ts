import { DURATION_BUCKETS, perMeterProvider } from '@comm/core/telemetry'
import { knownMethod } from '@comm/http/server'
import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { Route } from '../routing/route.ts'
import { routeAttributes } from './route-attributes.ts'

const SCOPE = '@comm/gateway'
/** Attribute sets that are remembered; methods and statuses are few. */
const MOST_KNOWN = 5000

interface Instruments {
  readonly duration: Histogram
  readonly aborted: Counter
  readonly retries: Counter
}

/** What is measured of the requests, by OpenTelemetry's semantic conventions for HTTP servers. Costs next to nothing without an SDK. */
export class GatewayMetrics {
  readonly #inFlight: () => number
  readonly #attributes = new Map<string, Attributes>()
  /** Requests of one kind often come in a row. */
  #last: { route: Route | undefined; method: string; scheme: string; status: number; attributes: Attributes } = {
    route: undefined,
    method: '',
    scheme: '',
    status: -1,
    attributes: {},
  }
  readonly #instruments: () => Instruments | undefined
  #stop: (() => void) | undefined
  #isClosed = false

  constructor(inFlight: () => number) {
    this.#inFlight = inFlight
    this.#instruments = perMeterProvider(SCOPE, (meter) => this.#make(meter))
  }

  record(exchange: ClientExchange): void {
    if (this.#isClosed) return
    const instruments = this.#instruments()
    if (instruments === undefined) return
    const { method, route, status, peer, callFacts: call } = exchange
    const attributes = this.#attributesOf(route, method, peer.scheme, status)
    instruments.duration.record(exchange.durationMs / 1000, attributes, exchange.span?.context)
    if (exchange.isAborted) instruments.aborted.add(1, attributes)
    if (call !== undefined && call.attempts > 1) instruments.retries.add(call.attempts - 1, attributes)
  }

  close(): void {
    this.#isClosed = true
    this.#stop?.()
  }

  #make(meter: Meter): Instruments {
    // Those of a provider that is no more.
    this.#stop?.()
    const active = meter.createObservableUpDownCounter('http.server.active_requests', {
      unit: '{request}',
      description: 'Requests under way',
    })
    const read = (result: { observe(value: number): void }): void => result.observe(this.#inFlight())
    active.addCallback(read)
    this.#stop = () => active.removeCallback(read)
    return {
      duration: meter.createHistogram('http.server.request.duration', {
        unit: 's',
        description: 'From the head of a request to the end of its answer',
        advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
      }),
      aborted: meter.createCounter('comm.gateway.aborted', {
        unit: '{request}',
        description: 'Clients that left before their answer was whole',
      }),
      retries: meter.createCounter('comm.gateway.retries', { unit: '{attempt}', description: 'Attempts after the first' }),
    }
  }

  #attributesOf(route: Route | undefined, method: string, scheme: string, status: number): Attributes {
    const last = this.#last
    if (last.status === status && last.route === route && last.method === method && last.scheme === scheme) return last.attributes
    const attributes = this.#look(route, method, scheme, status)
    this.#last = { route, method, scheme, status, attributes }
    return attributes
  }

  #look(route: Route | undefined, method: string, scheme: string, status: number): Attributes {
    const key = `${status} ${method} ${scheme} ${route?.pattern.text ?? ''} ${route?.name ?? ''}`
    const known = this.#attributes.get(key)
    if (known !== undefined) return known
    const attributes: Attributes = {
      'http.request.method': knownMethod(method),
      'url.scheme': scheme,
      ...(status === 0 ? {} : { 'http.response.status_code': status }),
      ...routeAttributes(route),
      ...(status >= 500 ? { 'error.type': String(status) } : {}),
    }
    if (this.#attributes.size < MOST_KNOWN) this.#attributes.set(key, attributes)
    return attributes
  }
}
