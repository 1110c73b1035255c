import type { Setup } from '@comm/bench/area'
import { CLIENTS, type ClientName } from '../clients.ts'
import { checkOrder } from '../order.ts'

/** A client of a server that runs in the harness's process. */
export const setup: Setup = async ({ environment, parameters }) => {
  const { client: name, what } = parameters as { client: ClientName; what: 'unary' | 'stream' }
  const client = CLIENTS[name](Number(environment['port']))
  const prover = {
    verify: async () => {
      checkOrder(await client.get())
      const seen = await client.watch(3)
      if (seen !== 3) throw new Error(`read ${seen} of 3 messages`)
    },
    close: async () => client.close(),
  }
  if (what === 'unary') return { ...prover, op: () => client.get() }
  return {
    ...prover,
    run: async (operations, stopwatch) => {
      stopwatch.start()
      const seen = await client.watch(operations)
      stopwatch.stop()
      if (seen !== operations) throw new Error(`read ${seen} of ${operations} messages`)
    },
  }
}
