import { setImmediate } from 'node:timers/promises'
import type { Setup } from '@comm/bench/area'
import { type Instrumentation, type Part, type Sdk, traceparent } from './part.ts'
import { startSdk } from './sdk.ts'

/** They measure what their packages do not export. */
const MODULES: Readonly<Record<Part, string>> = {
  'http-client': 'http/bench/http-client.ts',
  'http-server': 'http/bench/http-server.ts',
  'grpc-client': 'grpc/bench/client.ts',
  publish: 'messaging/bench/publish.ts',
  consume: 'messaging/bench/consume.ts',
}
const PACKAGES = new URL('../../../../packages/', import.meta.url)

/** Operations after which what was recorded may leave. */
const PAUSE_AFTER = 256

/** The instrumentation of one part in a plain loop: a promise for each operation would cost more than some of them. */
export const setup: Setup = async ({ parameters }) => {
  const { part, sdk } = parameters as { readonly part: Part; readonly sdk?: Sdk }
  const recorded = await startSdk(sdk ?? 'none')
  const { instrumentation } = (await import(new URL(MODULES[part], PACKAGES).href)) as { instrumentation: Instrumentation }
  const operation = instrumentation(sdk !== undefined, (at) => traceparent(sdk ?? 'none', at))
  const times = async (operations: number): Promise<void> => {
    for (let at = 0; at < operations; at += 1) {
      const answer = operation(at)
      if (answer instanceof Promise) await answer
      if (at % PAUSE_AFTER === 0) await setImmediate()
    }
  }
  return {
    async verify() {
      await times(1000)
      const { spans, measurements } = await recorded.soFar()
      const isRight =
        sdk === 'all' ? spans === 1000 : sdk === '1 %' ? spans > 0 && spans < 100 : spans === 0 && measurements === 0
      if (!isRight || (sdk !== undefined && sdk !== 'none' && measurements !== 1000))
        throw new Error(`${spans} spans and ${measurements} measurements of 1000 operations were recorded`)
    },
    async run(operations, stopwatch) {
      stopwatch.start()
      await times(operations)
      stopwatch.stop()
    },
    close: () => recorded.close(),
  }
}
