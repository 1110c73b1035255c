/** What is kept of an API key: never the key. */
export interface ApiKeyRecord {
  /** The public part of the key. */
  readonly id: string
  /** SHA-256 of the secret part, in hexadecimal. */
  readonly hash: string
  /** Who the caller is that presents it. */
  readonly subject: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** Epoch milliseconds from which it is refused; absent: never. */
  readonly expiresAt?: number
  /** The key that takes its place. */
  readonly rotatedTo?: string
  /** Whatever the application wants to know of the caller. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Where the records of API keys are. Each step is atomic. */
export interface ApiKeyStore {
  /** @returns undefined when there is none @throws CommunicationError retryable when the store cannot be asked */
  find(id: string): ApiKeyRecord | undefined | Promise<ApiKeyRecord | undefined>
  /** Adds a record, or replaces the one with its id. */
  put(record: ApiKeyRecord): void | Promise<void>
  /** @returns whether it was there */
  remove(id: string): boolean | Promise<boolean>
}

/** Records in this process, for tests and for keys that come from configuration. */
export class MemoryApiKeyStore implements ApiKeyStore {
  readonly #records = new Map<string, ApiKeyRecord>()

  constructor(records: Iterable<ApiKeyRecord> = []) {
    for (const record of records) this.put(record)
  }

  find(id: string): ApiKeyRecord | undefined {
    return this.#records.get(id)
  }

  put(record: ApiKeyRecord): void {
    this.#records.set(record.id, Object.freeze({ ...record }))
  }

  remove(id: string): boolean {
    return this.#records.delete(id)
  }
}
