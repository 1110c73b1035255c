// An instance of a service, in a process of its own: serves HTTP, registers itself. Its address comes by IPC, and goes back.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SERVICE } from './options.ts'
import { openDiscovery, type RegistryAddress } from './registries.ts'

const [address] = (await once(process, 'message')) as [RegistryAddress]
const server = createServer((_, response) => void response.end(String(process.pid)))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const discovery = await openDiscovery(address)
await discovery.register({ service: SERVICE, host: '127.0.0.1', port })
process.send?.({ id: `127.0.0.1:${port}` })
// Whoever started it is gone.
process.once('disconnect', () => process.exit(1))
