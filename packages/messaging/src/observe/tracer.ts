import { type ProxyTracerProvider, type Tracer, type TracerProvider, trace } from '@opentelemetry/api'
import { SCOPE } from './instruments.ts'

/**
 * The tracer of the SDK that runs; undefined while none does, so that nobody pays for spans that go nowhere. Asked on each use, as the SDK
 * may start later.
 */
export function tracer(): Tracer | undefined {
  const provider: TracerProvider & Partial<Pick<ProxyTracerProvider, 'getDelegateTracer'>> = trace.getTracerProvider()
  return provider.getDelegateTracer === undefined ? provider.getTracer(SCOPE) : provider.getDelegateTracer(SCOPE)
}
