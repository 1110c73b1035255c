import { type Attributes, context, createNoopMeter, type Meter, type MeterProvider, TraceFlags, trace } from '@opentelemetry/api'

/** A measurement that stands for its bucket, and the trace in which it was made. */
export interface Exemplar {
  readonly value: number
  readonly traceId: string
  readonly spanId: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What the SDK takes where an instrument advises nothing. */
const DEFAULT_BOUNDARIES: readonly number[] = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

/**
 * The last measurement of each bucket of each histogram that was made in a recorded trace. The SDK has none of its own:
 * https://github.com/open-telemetry/opentelemetry-js/issues/5147
 */
export class Exemplars {
  readonly #maxSeries: number
  readonly #histograms = new Map<string, Map<string, (Exemplar | undefined)[]>>()

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries
  }

  /** The same provider, whose histograms leave exemplars here. */
  watch(provider: MeterProvider): MeterProvider {
    return {
      getMeter: (name, version, options) => {
        const meter = provider.getMeter(name, version, options)
        return meter === createNoopMeter() ? meter : this.#watched(meter, name)
      },
    }
  }

  /** By bucket, as far as there are any. */
  of(scope: string, histogram: string, attributes: Attributes): readonly (Exemplar | undefined)[] {
    return this.#histograms.get(keyOf(scope, histogram))?.get(seriesOf(attributes)) ?? []
  }

  #watched(meter: Meter, scope: string): Meter {
    const createHistogram: Meter['createHistogram'] = (name, options) => {
      const histogram = meter.createHistogram(name, options)
      const boundaries = options?.advice?.explicitBucketBoundaries ?? DEFAULT_BOUNDARIES
      const key = keyOf(scope, name)
      const series = this.#histograms.get(key) ?? new Map<string, (Exemplar | undefined)[]>()
      this.#histograms.set(key, series)
      return {
        record: (value, attributes, within = context.active()) => {
          histogram.record(value, attributes, within)
          const span = trace.getSpanContext(within)
          if (span === undefined || (span.traceFlags & TraceFlags.SAMPLED) === 0) return
          this.#note(series, attributes ?? {}, bucketOf(value, boundaries), {
            value,
            traceId: span.traceId,
            spanId: span.spanId,
            at: Date.now(),
          })
        },
      }
    }
    return new Proxy(meter, {
      get(target, key) {
        if (key === 'createHistogram') return createHistogram
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  #note(series: Map<string, (Exemplar | undefined)[]>, attributes: Attributes, bucket: number, exemplar: Exemplar): void {
    const key = seriesOf(attributes)
    let buckets = series.get(key)
    if (buckets === undefined) {
      // What is beyond the limit is counted in the series of the overflow, which stands for nothing in particular.
      if (series.size >= this.#maxSeries) return
      buckets = []
      series.set(key, buckets)
    }
    buckets[bucket] = exemplar
  }
}

function keyOf(scope: string, name: string): string {
  return `${scope}\n${name}`
}

function seriesOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Upper bounds belong to their bucket. */
function bucketOf(value: number, boundaries: readonly number[]): number {
  const at = boundaries.findIndex((bound) => value <= bound)
  return at === -1 ? boundaries.length : at
}
