import type { AddressInfo } from 'node:net'
import type { Setup } from '@comm/bench/area'
import gateway from 'fast-gateway'
import { PREFIX, underLoad } from '../under-load.ts'

export const setup: Setup = async (input) => {
  const service = gateway({ routes: [{ prefix: PREFIX, target: String(input.environment.service) }] })
  const server = await service.start(0, '127.0.0.1')
  return underLoad(input, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    close: () => service.close() as Promise<void>,
  })
}
