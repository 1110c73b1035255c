import type { BrokerAdapter } from '@comm/messaging'
import { RedisConnection, type RedisConnectionOptions } from '@comm/redis-stores'

let made = 0
const names = new WeakMap<BrokerAdapter, string>()

/** Makes adapters whose connections the server tells from all others. */
export function named<Adapter extends BrokerAdapter>(make: (clientId: string) => Adapter): Adapter {
  const clientId = `test-${process.pid}-${++made}`
  const adapter = make(clientId)
  names.set(adapter, clientId)
  return adapter
}

/** Cuts every connection of an adapter from the server's side. */
export async function killConnections(adapter: BrokerAdapter, server: RedisConnectionOptions): Promise<void> {
  await using connection = new RedisConnection(server)
  await connection.connect(new AbortController().signal)
  const link = connection.require('cut connections')
  const list = String(await link.send('', ['CLIENT', 'LIST']))
  const wanted = new RegExp(`^id=(\\d+) .* name=${names.get(adapter)} `, 'gm')
  for (const [, id] of list.matchAll(wanted)) await link.send('', ['CLIENT', 'KILL', 'ID', String(id)])
}
