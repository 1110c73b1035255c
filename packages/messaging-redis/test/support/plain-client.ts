import { RedisConnection, type RedisConnectionOptions } from '@comm/redis-stores'

/** What `redis-cli` would be: sends commands as they are. */
export class PlainClient implements AsyncDisposable {
  readonly #connection: RedisConnection

  private constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  static async connect(options: RedisConnectionOptions): Promise<PlainClient> {
    const connection = new RedisConnection(options)
    await connection.connect(new AbortController().signal)
    return new PlainClient(connection)
  }

  command(...args: string[]): Promise<unknown> {
    return this.#connection.require('send a command').send(args[1] ?? '', args)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]()
  }
}
