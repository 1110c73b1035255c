import { systemClock } from '@comm/core'
import { propagation } from '@opentelemetry/api'
import { SendObserver } from '../src/observe/sending.ts'
import { emptyStats } from '../src/observe/stats.ts'

/** What each message has beside its sending: its span, the trace in its headers, its duration. */
export function instrumentation(observed: boolean): () => unknown {
  const stats = emptyStats()
  const waiter = { confirmed: (): void => undefined, failed: (): void => undefined }
  const observer = new SendObserver('rabbitmq', systemClock, stats)
  if (!observed) {
    return () => {
      stats.published++
      waiter.confirmed()
    }
  }
  return () => {
    const sending = observer.begin('order.created', waiter)
    propagation.inject(sending.within, {})
    sending.confirmed()
  }
}
