import {
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  type ProxyTracerProvider,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'

/**
 * Makes instruments for the current meter provider, once for each. What is returned gives them, or undefined while there is no provider.
 * Ask it on each use: an instrument made before the SDK starts stays dead.
 */
export function perMeterProvider<Instruments>(scope: string, make: (meter: Meter) => Instruments): () => Instruments | undefined {
  let madeBy: MeterProvider | undefined
  let made: Instruments | undefined
  return () => {
    const provider = metrics.getMeterProvider()
    if (provider !== madeBy) {
      madeBy = provider
      const meter = provider.getMeter(scope)
      made = meter === createNoopMeter() ? undefined : make(meter)
    }
    return made
  }
}

/**
 * The tracer of the SDK that runs; undefined while none does, so that nobody pays for spans that go nowhere. Asked on each use, as the SDK
 * may start later.
 */
export function runningTracer(scope: string): Tracer | undefined {
  const provider: TracerProvider & Partial<Pick<ProxyTracerProvider, 'getDelegateTracer'>> = trace.getTracerProvider()
  return provider.getDelegateTracer === undefined ? provider.getTracer(scope) : provider.getDelegateTracer(scope)
}

/** Of the semantic conventions for durations of HTTP, RPC and messaging, in seconds. */
export const DURATION_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
