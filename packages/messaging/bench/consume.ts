import { runInContext, silentLogger, systemClock } from '@comm/core'
import { contextOf, Message } from '../src/message.ts'
import { observe } from '../src/observe/consuming.ts'
import { emptyStats } from '../src/observe/stats.ts'
import { HANDLED } from '../src/outcome.ts'
import type { PipelineParts } from '../src/pipeline/step.ts'

/** What each delivery has beside its handling, in its call context: the trace of its publisher, span and duration. */
export function instrumentation(observed: boolean, traceparent: (at: number) => string): (at: number) => unknown {
  const stats = emptyStats()
  const options = { deadLetter: true, group: 'billing' }
  const parts = { clock: systemClock, logger: silentLogger, stats, system: 'rabbitmq', options } as unknown as PipelineParts
  const delivery = { topic: 'order.created', id: '7' } as unknown as ConstructorParameters<typeof Message>[0]
  const step = observe(() => HANDLED, parts)
  return (at) => {
    const headers = { 'ce-id': '7', traceparent: traceparent(at) }
    const message = new Message(delivery, 'billing', { headers, body: new Uint8Array(), data: undefined }, 0)
    if (observed) return step(message)
    stats.consumed++
    stats.handled++
    return runInContext(contextOf(message), () => HANDLED)
  }
}
