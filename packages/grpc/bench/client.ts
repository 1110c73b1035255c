import { context, propagation, trace } from '@opentelemetry/api'
import { RpcTelemetry } from '../src/telemetry/rpc-telemetry.ts'

const METHOD = 'payments.v1.PaymentService/TakePayment'

/** What each call has: its span, the trace in its metadata, its duration. */
export function instrumentation(observed: boolean): () => unknown {
  const telemetry = new RpcTelemetry('client', 'payments')
  if (!observed) return () => performance.now()
  return () => {
    const startedAt = performance.now()
    const span = telemetry.startSpan(METHOD)
    const active = context.active()
    propagation.inject(span === undefined ? active : trace.setSpan(active, span), {})
    telemetry.end(span, METHOD, 'OK', performance.now() - startedAt)
  }
}
