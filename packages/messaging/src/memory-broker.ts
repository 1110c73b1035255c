import { checkOptions, object } from '@comm/core/options'
import { MessageClient } from './client.ts'
import { MemoryBrokerAdapter } from './memory/adapter.ts'
import { MemoryServer } from './memory/server.ts'
import type { MessageClientOptions } from './options/client-options.ts'

export interface MemoryBrokerOptions extends MessageClientOptions {
  /** Where the messages are; clients that share one talk to each other. @default a server of its own */
  readonly server?: MemoryServer
}

/** A message client whose broker lives in this process, with the semantics of the real ones: for tests, demos and single processes. */
export class MemoryBroker extends MessageClient {
  readonly server: MemoryServer

  /** @throws ConfigurationError */
  constructor(options: MemoryBrokerOptions = {}) {
    const { server, ...client } = options
    if (server !== undefined) checkOptions<Pick<MemoryBrokerOptions, 'server'>>('messaging', { server }, { server: object })
    const adapter = new MemoryBrokerAdapter({
      server: server ?? new MemoryServer(client.clock === undefined ? {} : { clock: client.clock }),
    })
    super(adapter, client)
    this.server = adapter.server
  }
}
