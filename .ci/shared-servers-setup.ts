import { SHARED_SOCKET, startSharedHost } from '@comm/testkit/servers'

/** The workers of a run inherit the variable; no server starts before one of them asks for it. */
export default async function setup(): Promise<void> {
  const host = await startSharedHost()
  process.env[SHARED_SOCKET] = host.socket
  globalThis.commSharedServers = host
}

declare global {
  /** Jest loads set-up and tear-down apart from each other. */
  var commSharedServers: AsyncDisposable | undefined
}
