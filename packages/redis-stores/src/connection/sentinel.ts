import { ConnectionError, describeEndpoint, type Endpoint } from '@comm/core'
import { createClient } from 'redis'
import { redisError } from './errors.ts'
import { destroyClient } from './link.ts'
import { connectWithin, tlsOptions, within } from './open-node.ts'
import type { ResolvedConnection } from './options.ts'

/** Asks the Sentinels in turn for the master's address (`SENTINEL GET-MASTER-ADDR-BY-NAME`). @throws CommunicationError of the last */
export async function masterOf(options: ResolvedConnection, signal: AbortSignal): Promise<Endpoint> {
  let failure = new ConnectionError('there is no Sentinel to ask') as Error
  for (const endpoint of options.endpoints) {
    try {
      const master = await ask(options, endpoint, signal)
      if (master !== undefined) return master
      const where = `the Sentinel at ${describeEndpoint(endpoint)}`
      failure = new ConnectionError(`${where} knows no master named ${options.masterName}. Check masterName`)
    } catch (thrown) {
      failure = redisError(thrown, `ask the Sentinel at ${describeEndpoint(endpoint)}`)
    }
    if (signal.aborted) break
  }
  throw failure
}

async function ask(options: ResolvedConnection, endpoint: Endpoint, signal: AbortSignal): Promise<Endpoint | undefined> {
  const { sentinelUsername: username, sentinelPassword: password, connectionTimeoutMs, masterName, ssl } = options
  const { host, port } = endpoint
  const client = createClient({
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: { host, port, ...(await tlsOptions(ssl)), connectTimeout: connectionTimeoutMs, reconnectStrategy: false },
  })
  const who = `the Sentinel at ${describeEndpoint(endpoint)}`
  await connectWithin(options, client, signal, who)
  try {
    const asking = client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName])
    const address = (await within(options, signal, who, asking)) as unknown as readonly [string, string] | null
    return address === null ? undefined : { host: address[0], port: Number(address[1]) }
  } finally {
    destroyClient(client)
  }
}
