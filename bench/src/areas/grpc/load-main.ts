// Calls a server as often as it is told, over its parent's channel.
import { CLIENTS, type OrdersClient } from './clients.ts'
import { checkOrder } from './order.ts'

export interface LoadRequest {
  readonly port: number
  readonly operations: number
  readonly inFlight: number
}

export interface LoadAnswer {
  readonly error?: string
}

let client: OrdersClient | undefined

async function load({ port, operations, inFlight }: LoadRequest): Promise<void> {
  client ??= CLIENTS['@grpc/grpc-js'](port)
  const { get } = client
  let started = 0
  const lane = async (): Promise<void> => {
    while (started < operations) {
      started++
      checkOrder(await get())
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

process.on('message', (request: LoadRequest) => {
  load(request).then(
    () => process.send?.({} satisfies LoadAnswer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies LoadAnswer),
  )
})
process.once('disconnect', () => process.exit())
