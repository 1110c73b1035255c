interface Client {
  connect(): Promise<void>
  disconnect(): Promise<void>
}

interface InUse<Made> {
  readonly client: Made
  readonly connected: Promise<void>
  users: number
  isRetired: boolean
}

/** A client of kafkajs that many use at a time, and that is replaced after some failures: who still uses it, keeps it. */
export class SharedClient<Made extends Client> {
  readonly #make: () => Made
  #current: InUse<Made> | undefined

  constructor(make: () => Made) {
    this.#make = make
  }

  /** @param isSpoilt whether a failure leaves a client that is of no use to others */
  async use<Result>(use: (client: Made) => Promise<Result>, isSpoilt: (thrown: unknown) => boolean): Promise<Result> {
    const current = this.#current ?? this.#open()
    current.users++
    let wasConnected = false
    try {
      await current.connected
      wasConnected = true
      return await use(current.client)
    } catch (thrown) {
      if (!wasConnected || isSpoilt(thrown)) this.#retire(current)
      throw thrown
    } finally {
      current.users--
      if (current.isRetired && current.users === 0) await disconnect(current)
    }
  }

  /** Waits for those who use it. */
  async close(): Promise<void> {
    const current = this.#current
    if (current === undefined) return
    this.#retire(current)
    if (current.users === 0) await disconnect(current)
  }

  #open(): InUse<Made> {
    const client = this.#make()
    this.#current = { client, connected: client.connect(), users: 0, isRetired: false }
    return this.#current
  }

  #retire(current: InUse<Made>): void {
    current.isRetired = true
    if (this.#current === current) this.#current = undefined
  }
}

async function disconnect({ client }: InUse<Client>): Promise<void> {
  await client.disconnect().catch(() => undefined)
}
