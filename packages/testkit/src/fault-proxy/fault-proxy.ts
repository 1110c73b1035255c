import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { checkArgument, checkOptions, number, withDefaults } from '@comm/core/options'
import { freePorts } from '../free-port.ts'
import { FaultState, HEALTHY } from './faults.ts'
import { FAULT_PROXY_DEFAULTS, FAULT_PROXY_RULES, type FaultProxyOptions, TARGET_RULES } from './options.ts'
import { ProxiedConnection } from './proxied-connection.ts'

/** A TCP proxy that breaks the way to a server in every manner a network does. Faults add up; `heal` ends them all. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** That are open now. */
  readonly connections: number
  /** Closes every connection in good order (FIN); new ones pass. */
  cut(): void
  /** Closes every connection by RST; new ones pass. */
  reset(): void
  /** Cuts every connection and refuses new ones, as if no server listened, until healed. Resolves once none gets in. */
  refuse(): Promise<void>
  /** Everything arrives this much later, each way. */
  delay(ms: number): void
  /** Each connection passes this much, each way. */
  throttle(bytesPerSecond: number): void
  /** Sockets stay open and new ones are accepted, but nothing passes: a router gone without a word. What was sent passes once healed. */
  halfOpen(): void
  /** Ends every fault. Resolves once new connections get in. */
  heal(): Promise<void>
  /** Cuts every connection and stops listening. Idempotent. */
  close(): Promise<void>
}

/** @throws ConfigurationError if an option is wrong; the system's error if the port is taken */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  checkOptions('faultProxy', options, FAULT_PROXY_RULES)
  checkOptions('faultProxy.target', options.target, TARGET_RULES)
  const { host, port } = withDefaults(FAULT_PROXY_DEFAULTS, options)
  const proxy = new TcpFaultProxy(options.target, host)
  // Not one the system deals out: while connections are refused, nobody else may take it.
  await proxy.listen(port === 0 ? ((await freePorts(1))[0] as number) : port)
  return proxy
}

class TcpFaultProxy implements FaultProxy {
  readonly host: string
  readonly #faults = new FaultState()
  readonly #open = new Set<ProxiedConnection>()
  readonly #target: FaultProxyOptions['target']
  #server: Server | undefined
  #port = 0
  #closed = false

  constructor(target: FaultProxyOptions['target'], host: string) {
    this.#target = target
    this.host = host
  }

  get port(): number {
    return this.#port
  }

  get connections(): number {
    return this.#open.size
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const connection = new ProxiedConnection(client, this.#target, this.#faults, () => this.#open.delete(connection))
      this.#open.add(connection)
    })
    this.#server = server
    server.listen(port, this.host)
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  cut(): void {
    for (const connection of this.#open) connection.cut()
  }

  reset(): void {
    for (const connection of this.#open) connection.reset()
  }

  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const stopped = server && once(server, 'close')
    server?.close()
    this.cut()
    await stopped
  }

  delay(ms: number): void {
    checkArgument('ms', ms, number({ min: 0 }))
    this.#faults.set({ delayMs: ms })
  }

  throttle(bytesPerSecond: number): void {
    checkArgument('bytesPerSecond', bytesPerSecond, number({ min: 1 }))
    this.#faults.set({ bytesPerSecond })
  }

  halfOpen(): void {
    this.#faults.set({ halfOpen: true })
  }

  async heal(): Promise<void> {
    this.#faults.set(HEALTHY)
    if (this.#server === undefined && !this.#closed) await this.listen(this.#port)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.refuse()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
