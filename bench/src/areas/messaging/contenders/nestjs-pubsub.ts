import type { Setup } from '@comm/bench/area'
import { ClientProxyFactory, Transport } from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'
import { Echo } from '../echo.ts'
import { ORDER } from '../order.ts'
import { channelOf } from '../role.ts'
import { listen } from './nestjs-app.ts'

export const setup: Setup = async (input) => {
  const topic = channelOf(input)
  const { hostname, port } = new URL(String(input.environment.redis))
  const transport = { transport: Transport.REDIS, options: { host: hostname, port: Number(port) } } as const
  const echo = new Echo()
  const app = await listen(transport, topic, echo.arrived)
  const client = ClientProxyFactory.create(transport)
  await client.connect()
  return {
    op: () => echo.send(() => lastValueFrom(client.emit(topic, ORDER), { defaultValue: undefined })),
    close: async () => {
      await client.close()
      await app.close()
    },
  }
}
