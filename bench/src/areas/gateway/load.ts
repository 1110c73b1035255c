import { Pool } from 'undici'

/** What is asked for, and what an answer to it must be. */
export interface Demand {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: Buffer | null
  readonly headers: Readonly<Record<string, string>>
  readonly answerBytes: number
}

/** Makes so many requests of a gateway, never more than `inFlight` at once, and looks at each answer. @throws Error at the first wrong one */
export async function load(url: string, demand: Demand, operations: number, inFlight: number): Promise<void> {
  const pool = new Pool(url, { connections: inFlight, pipelining: 1 })
  try {
    await new Promise<void>((resolve, reject) => new Load(pool, demand, operations, resolve, reject).begin(inFlight))
  } finally {
    await pool.destroy()
  }
}

class Load {
  readonly #pool: Pool
  readonly #demand: Demand
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  #toBegin: number
  #toEnd: number

  constructor(pool: Pool, demand: Demand, operations: number, resolve: () => void, reject: (reason: unknown) => void) {
    this.#pool = pool
    this.#demand = demand
    this.#toBegin = this.#toEnd = operations
    this.#resolve = resolve
    this.#reject = reject
  }

  begin(inFlight: number): void {
    for (let lane = 0; lane < inFlight; lane++) this.#next()
  }

  #next(): void {
    if (this.#toBegin === 0) return
    this.#toBegin--
    const { method, path, body, headers, answerBytes } = this.#demand
    let status = 0
    let bytes = 0
    this.#pool.dispatch(
      { method, path, body, headers },
      {
        onRequestStart() {},
        onResponseStart(_, got) {
          status = got
        },
        onResponseData(_, chunk) {
          bytes += chunk.byteLength
        },
        onResponseEnd: () => {
          if (status !== 200 || bytes !== answerBytes)
            this.#reject(new Error(`${method} ${path}: got ${status} with ${bytes} bytes`))
          else if (--this.#toEnd === 0) this.#resolve()
          else this.#next()
        },
        onResponseError: (_, error) => this.#reject(error),
      },
    )
  }
}
