// Calls the service of mtls-server.ts: once, or without end with a new connection for each call. Answers its parent over IPC.
import { request } from 'node:https'
import { join } from 'node:path'
import { CommunicationError, TlsReloader } from '@comm/core'
import { readTls } from '@comm/core/tls'
import { HttpClient } from '@comm/http'
import { mutualTlsClientOptions } from '@comm/security/mtls'

export type ClientQuestion =
  | { readonly do: 'call'; readonly port: number; readonly folder: string; readonly serverName: string }
  | { readonly do: 'load'; readonly port: number; readonly folder: string; readonly inFlight: number }
  | { readonly do: 'stop' }

export interface ClientReply {
  readonly text: string
  readonly calls: number
  readonly failures: readonly string[]
  /** Certificates that the server has shown, by their serial numbers. */
  readonly serials: readonly string[]
}

const files = (folder: string) => ({
  caFile: join(folder, 'ca.pem'),
  certFile: join(folder, 'cert.pem'),
  keyFile: join(folder, 'key.pem'),
})

async function callOnce(port: number, folder: string, serverName: string): Promise<string> {
  const { ca = '', cert = '', key = '' } = await readTls('client.tls', files(folder))
  await using client = new HttpClient({ baseUrl: `https://127.0.0.1:${port}`, tls: { ca, cert, key, serverName } })
  try {
    const answer = await client.get('/')
    return `${answer.status} ${answer.text()}`
  } catch (thrown) {
    const { code, details, message } = CommunicationError.from(thrown)
    return code === 'COMM_HTTP_STATUS' ? String(details['status']) : `${code} ${message}`
  }
}

let load: Load | undefined

class Load {
  calls = 0
  readonly failures: string[] = []
  readonly serials = new Set<string>()
  #isOver = false
  readonly #tls: TlsReloader
  readonly #port: number
  readonly #running: Promise<unknown>

  constructor(port: number, folder: string, inFlight: number) {
    this.#port = port
    this.#tls = new TlsReloader('client.tls', { ...files(folder), serverName: 'localhost' }, { pollMs: 20 })
    this.#running = Promise.all(Array.from({ length: inFlight }, () => this.#run()))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    this.#tls[Symbol.dispose]()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.calls++
      await this.#call().catch((error: Error) => void this.failures.push(error.message))
    }
  }

  #call(): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, agent: false, ...mutualTlsClientOptions(this.#tls) }
      const call = request(options, (response) => {
        this.serials.add(
          (response.socket as unknown as { getPeerCertificate(): { serialNumber: string } }).getPeerCertificate().serialNumber,
        )
        response.resume()
        response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))))
        response.on('error', reject)
      })
      call.on('error', reject)
      call.end()
    })
  }
}

async function reply(question: ClientQuestion): Promise<ClientReply> {
  let text = ''
  if (question.do === 'call') text = await callOnce(question.port, question.folder, question.serverName)
  else if (question.do === 'load') load = new Load(question.port, question.folder, question.inFlight)
  else await load?.stop()
  return { text, calls: load?.calls ?? 0, failures: load?.failures ?? [], serials: [...(load?.serials ?? [])] }
}

process.on('message', (question: ClientQuestion) => {
  void reply(question).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit())
