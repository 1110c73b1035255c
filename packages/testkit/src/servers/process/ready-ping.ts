import { once } from 'node:events'
import { connect } from 'node:net'
import type { ServerKind } from '../kind.ts'
import type { Ping } from './wait-until-ready.ts'

/** Answered once the server answers on its main port and takes connections on its other listeners, which some open later. */
export function readyPing(kind: ServerKind, ports: Readonly<Record<string, number>>): Ping {
  const ping = kind.ping(undefined)
  return async (endpoint, signal) => {
    const version = await ping(endpoint, signal)
    for (const name of Object.keys(kind.urls(endpoint.host, ports).urls)) {
      const socket = connect({ host: endpoint.host, port: ports[name] as number, signal })
      try {
        await once(socket, 'connect')
      } finally {
        socket.destroy()
      }
    }
    return version
  }
}
